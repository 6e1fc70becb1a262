"""The prior as a list of operations, shared by training, export and the C core.

A topology is what section 4 of docs/format.md calls stages, planes and operations, before any weight is known: the Keras
layer `vaecodec.train.layers.prior.Prior` gives every `Conv` float weights, and the export turns the same objects
into `symbols.bin`. Planes are named; the planes a coder writes by itself are `"<stage>.signed"`, `"<stage>.magnitude"`
and `"<stage>.raw"`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

CONDITION = "condition"
MATCHED = ("best", "mean", "raw_mean", "distance")


@dataclass(frozen=True)
class Plane:
    """Activations over the grid of one stage."""

    name: str
    stage: int
    channels: int


@dataclass(frozen=True)
class Term:
    """One summand of a convolution; fields as in docs/format.md section 4. `count` None means all channels."""

    plane: str
    kh: int = 1
    kw: int = 1
    oy: int = 0
    ox: int = 0
    dilation: int = 1
    first: int = 0
    count: int | None = None


@dataclass(frozen=True)
class Conv:
    """`out[first:first + count]` = activation(sum of terms + bias)."""

    name: str
    out: str
    count: int
    terms: tuple[Term, ...]
    relu: bool = True
    first: int = 0
    role: str = "hidden"  # or "mean", "scale", "spike", "gate": decides the initial value


@dataclass(frozen=True)
class Shuffle:
    """Depth to space by two along both axes."""

    source: str
    out: str


@dataclass(frozen=True)
class Code:
    """Codes symbols [first, first + count) of every site of a row from plane `params`."""

    params: str
    first: int
    count: int


@dataclass(frozen=True)
class Match:
    """Predicts symbols [first, first + count) of every site of a row from similar places before.

    Writes their channels of `"<stage>.best"`, `".mean"` and `".raw_mean"`, and channel `first` of `".distance"`.
    """

    first: int
    count: int


@dataclass(frozen=True)
class Blend:
    """Draws the means of symbols [first, first + count) in plane `params` to those in plane `matched`, by gates in `params`."""

    params: str
    matched: str
    first: int
    count: int


Operation = Conv | Shuffle | Code | Match | Blend


@dataclass
class Stage:
    """A grid with its symbols (pairs of band number and position in the site) and operations."""

    level: int
    phases: int
    symbols: list[tuple[int, int]]
    prelude: list[Operation] = field(default_factory=list)
    row: list[Operation] = field(default_factory=list)


@dataclass
class Topology:
    """All stages of a prior over the bands of a rank-1 or rank-2 transform."""

    rank: int
    levels: int
    colours: int
    condition: int
    stages: list[Stage] = field(default_factory=list)
    planes: dict[str, Plane] = field(default_factory=dict)

    def add_stage(self, stage: Stage) -> int:
        """Appends a stage with its three coder planes and returns its number."""
        number = len(self.stages)
        self.stages.append(stage)
        for kind in ("signed", "magnitude", "raw"):
            self.plane(f"{number}.{kind}", number, len(stage.symbols))
        return number

    def plane(self, name: str, stage: int, channels: int) -> str:
        """Registers a plane and returns its name."""
        self.planes[name] = Plane(name, stage, channels)
        return name


def symbols_term(stage: int, kh: int = 1, kw: int = 1, oy: int = 0, ox: int = 0, first: int = 0, count: int | None = None,
                 dilation: int = 1) -> tuple[Term, ...]:
    """Both companded views (signed and magnitude) of symbols already known."""
    return tuple(Term(f"{stage}.{kind}", kh, kw, oy, ox, dilation, first, count) for kind in ("signed", "magnitude"))


def matched_terms(stage: int, first: int, count: int) -> tuple[Term, ...]:
    """What MATCH found for a group of symbols: the best place, the mean of the best ones, and how near the best is."""
    views = tuple(Term(f"{stage}.{kind}", first=first, count=count) for kind in ("best", "mean"))
    return (*views, Term(f"{stage}.distance", first=first, count=1))


def _head(top: Topology, stage: int, first: int, count: int, context: tuple[Term, ...], hidden: int,
          linear: tuple[Term, ...] = (), matched: bool = False) -> list[Operation]:
    """Hidden layer and the parameters of a group of symbols; `linear` terms go straight to the mean.

    With `matched` the hidden layer sees what MATCH finds for the group, and gates draw the means to it.
    """
    tag = f"{stage}.group{first}"
    roles = ("mean", "scale", "spike", "gate") if matched else ("mean", "scale", "spike")
    h = top.plane(f"{tag}.hidden", stage, hidden)
    p = top.plane(f"{tag}.params", stage, len(roles) * count)
    found = matched_terms(stage, first, count) if matched else ()
    ops: list[Operation] = [Conv(f"{tag}.hidden", h, hidden, (*context, *found))]
    for i, role in enumerate(roles):
        terms = (Term(h),) + (linear if role == "mean" else ())
        ops.append(Conv(f"{tag}.{role}", p, count, terms, relu=False, first=i * count, role=role))
    if matched:
        ops = [Match(first, count), *ops, Blend(p, f"{stage}.raw_mean", first, count)]
    return [*ops, Code(p, first, count)]


@dataclass(frozen=True)
class ImageWidths:
    """Channels of one stage of an image prior."""

    middle: int
    up: int
    embed: int
    context: int
    hidden: int


def image_topology(levels: int, colours: int, condition: int, coarse: ImageWidths, fine: ImageWidths) -> Topology:
    """A prior for wavelet bands of a picture: coarse to fine, row by row, even columns before odd ones.

    Each stage sees features of all coarser stages around a site, rows above, and within the row the groups already coded (luma even,
    luma odd, chroma even, chroma odd columns). The finest level has `fine` widths, all others `coarse` ones.

    Args:
        levels: decomposition levels L.
        colours: colour planes C, the first being luma.
        condition: channels n_q that tell the step.
        coarse: widths of stages 0..L-1.
        fine: widths of stage L.

    Returns:
        A topology of L + 1 stages.
    """
    top = Topology(2, levels, colours, condition)
    luma = [0]
    chroma = list(range(1, colours))
    _image_stage(top, levels, [[c] for c in range(colours)], luma, chroma, coarse)
    for level in range(levels, 0, -1):
        base = colours + 3 * colours * (levels - level)
        bands = [[base + 3 * c + o for o in range(3)] for c in range(colours)]
        _image_stage(top, level, bands, luma, chroma, fine if level == 1 else coarse)
    return top


def _image_stage(top: Topology, level: int, bands: list[list[int]], luma: list[int], chroma: list[int], w: ImageWidths) -> None:
    groups = [[(b, phase) for c in part for b in bands[c]] for part in (luma, chroma) if part for phase in (0, 1)]
    k = top.add_stage(Stage(level, 2, [s for g in groups for s in g]))
    stage, condition = top.stages[k], Term(CONDITION)
    side: tuple[Term, ...] = ()
    if k == 1:
        side = symbols_term(0, 3, 3, -1, -1)
    elif k > 1:
        side = (Term(_upsampled(top, k, w)),)
    embed = top.plane(f"{k}.embed", k, w.embed)
    context = top.plane(f"{k}.context", k, w.context)
    above = (Term(embed, 2, 3, -2, -1),)
    stage.row.append(Conv(f"{k}.context", context, w.context, (*above, *side, condition)))
    first = 0
    for group in groups:
        known = symbols_term(k, 1, 3, 0, -1, 0, first) if first else ()
        linear: tuple[Term, ...] = ()
        if k == 0:
            linear = (Term("0.raw", 1, 3, -1, -1),) + ((Term("0.raw", 1, 3, 0, -1, 1, 0, first),) if first else ())
        stage.row += _head(top, k, first, len(group), (Term(context), *known, condition), w.hidden, linear)
        first += len(group)
    stage.row.append(Conv(f"{k}.embed", embed, w.embed, symbols_term(k)))


def _upsampled(top: Topology, k: int, w: ImageWidths) -> str:
    """Features of all coarser stages, brought to the grid of stage k."""
    coarser = k - 1
    middle = top.plane(f"{k}.middle", coarser, w.middle)
    packed = top.plane(f"{k}.packed", coarser, 4 * w.up)
    up = top.plane(f"{k}.up", k, w.up)
    inherited = (Term(f"{coarser}.up"),) if coarser > 1 else symbols_term(0, 3, 3, -1, -1)
    top.stages[k].prelude += [
        Conv(f"{k}.middle", middle, w.middle, (*symbols_term(coarser, 3, 3, -1, -1), *inherited, Term(CONDITION))),
        Conv(f"{k}.packed", packed, 4 * w.up, (Term(middle),)),
        Shuffle(packed, up),
    ]
    return up


@dataclass(frozen=True)
class SignalWidths:
    """Channels of a signal prior."""

    embed: int
    near: int
    far: int
    hidden: int


def signal_topology(levels: int, condition: int, w: SignalWidths, matched: bool = False) -> Topology:
    """A prior for wavelet blocks of a signal: context from earlier blocks, coarse to fine within a block.

    A row is a block of 2^L samples. `near` features see the last 4 blocks, `far` features four of those, 4 blocks
    apart: 16 blocks in all.

    Args:
        levels: decomposition levels L.
        condition: channels n_q that tell the step.
        w: widths.
        matched: whether every group is predicted from similar places before, too.

    Returns:
        A topology of one stage.
    """
    top = Topology(1, levels, 1, condition)
    groups = [[(0, 0), (1, 0)]] + [[(1 + levels - level, d) for d in range(2 ** (levels - level))] for level in range(levels - 1, 0, -1)]
    k = top.add_stage(Stage(0, 1, [s for g in groups for s in g]))
    row = top.stages[k].row
    for kind in MATCHED if matched else ():
        top.plane(f"{k}.{kind}", k, len(top.stages[k].symbols))
    embed = top.plane("embed", k, w.embed)
    near = top.plane("near", k, w.near)
    far = top.plane("far", k, w.far)
    condition_term = Term(CONDITION)
    row.append(Conv("near", near, w.near, (Term(embed, 4, 1, -4, 0), condition_term)))
    row.append(Conv("far", far, w.far, (Term(near, 4, 1, -12, 0, 4), condition_term)))
    first = 0
    for group in groups:
        known = symbols_term(k, 1, 1, 0, 0, 0, first) if first else ()
        linear = (Term("0.raw", 3, 1, -3, 0, 1, 0, 2),) if first == 0 else ()
        hidden = max(16, w.hidden)
        row += _head(top, k, first, len(group), (Term(far), *known, condition_term), hidden, linear, matched)
        first += len(group)
    row.append(Conv("embed", embed, w.embed, symbols_term(k)))
    return top


GLANCE, SHARED = 8, 4  # channels of a joint prior's planes that other columns read: of blocks, of groups
AROUND = 5  # columns to each side that they read


def joint_topology(levels: int, condition: int, w: SignalWidths) -> Topology:
    """A prior for wavelet blocks of channels that move together, such as the axes of a sensor: `signal_topology` with a look to the side.

    Of the two blocks before, and of every group of symbols once it is coded, a few channels of features are read from the `AROUND` columns to each
    side. Which of them exist tells a column its place.

    Args:
        levels: decomposition levels L.
        condition: channels n_q that tell the step.
        w: widths.

    Returns:
        A topology of one stage.
    """
    top = Topology(1, levels, 1, condition)
    groups = [[(0, 0), (1, 0)]] + [[(1 + levels - level, d) for d in range(2 ** (levels - level))] for level in range(levels - 1, 0, -1)]
    k = top.add_stage(Stage(0, 1, [s for g in groups for s in g]))
    row, condition_term, wide = top.stages[k].row, Term(CONDITION), 2 * AROUND + 1
    embed, near, far, glance = (top.plane(n, k, c) for n, c in (("embed", w.embed), ("near", w.near), ("far", w.far), ("glance", GLANCE)))
    row.append(Conv("near", near, w.near, (Term(embed, 4, 1, -4, 0), Term(glance, 2, wide, -2, -AROUND), condition_term)))
    row.append(Conv("far", far, w.far, (Term(near, 4, 1, -12, 0, 4), condition_term)))
    first = 0
    beside: list[Term] = []
    for group in groups:
        known = symbols_term(k, 1, 1, 0, 0, 0, first) if first else ()
        linear = (Term("0.raw", 3, 1, -3, 0, 1, 0, 2),) if first == 0 else ()
        row += _head(top, k, first, len(group), (Term(far), *known, *beside, condition_term), w.hidden, linear)
        if group is not groups[-1]:
            shared = top.plane(f"{k}.shared{first}", k, SHARED)
            row.append(Conv(f"{k}.shared{first}", shared, SHARED, symbols_term(k, 1, 1, 0, 0, first, len(group))))
            beside.append(Term(shared, 1, wide, 0, -AROUND))
        first += len(group)
    row.append(Conv("embed", embed, w.embed, symbols_term(k)))
    row.append(Conv("glance", glance, GLANCE, symbols_term(k)))
    return top


WIDEST_GROUP = 16  # symbols of a lapped prior's group, below the last octave twice as many
SEEN = 32  # frequencies below a group that it sees
BESIDE = 2  # frequencies beyond a group that it sees of the blocks before


def lapped_topology(levels: int, condition: int, w: SignalWidths) -> Topology:
    """A prior for the blocks of a lapped transform: low to high frequencies within a block, context from the blocks before.

    Signs say little about a frequency whose phase moves on from block to block: but for the groups' own symbols all context is of magnitudes. A group
    sees the `SEEN` frequencies below it, the same frequencies of the two blocks before, and `far`, which sees 16 blocks as in `signal_topology`.

    Args:
        levels: L; 2^L frequencies a block.
        condition: channels n_q that tell the step.
        w: widths.

    Returns:
        A topology of one stage.
    """
    top = Topology(1, levels, 1, condition)
    symbols = [(0, 0)] + [(1 + levels - level, d) for level in range(levels, 0, -1) for d in range(2 ** (levels - level))]
    k = top.add_stage(Stage(0, 1, symbols))
    row, condition_term, size = top.stages[k].row, Term(CONDITION), len(symbols)
    embed, near, far = (top.plane(name, k, n) for name, n in (("embed", w.embed), ("near", w.near), ("far", w.far)))
    row.append(Conv("near", near, w.near, (Term(embed, 4, 1, -4, 0), condition_term)))
    row.append(Conv("far", far, w.far, (Term(near, 4, 1, -12, 0, 4), condition_term)))
    for first, end in _lapped_groups(size):
        low, high, below = max(0, first - BESIDE), min(size, end + BESIDE), max(0, first - SEEN)
        before = (Term(f"{k}.magnitude", 2, 1, -2, 0, 1, low, high - low),)
        known = (Term(f"{k}.magnitude", 1, 1, 0, 0, 1, below, first - below),) if first else ()
        row += _head(top, k, first, end - first, (Term(far), *before, *known, condition_term), w.hidden)
    row.append(Conv("embed", embed, w.embed, (Term(f"{k}.magnitude"),)))
    return top


def _lapped_groups(size: int) -> list[tuple[int, int]]:
    """First frequency and end of each group: 2, 2, 4, 8, 8, 8, then 16 each and from a half of all on 32 each."""
    edges = [0]
    while edges[-1] < size:
        here = edges[-1]
        width = 2 if here < 4 else 4 if here < 8 else 8 if here < 32 else WIDEST_GROUP if here < size // 2 else 2 * WIDEST_GROUP
        edges.append(min(size, here + width))
    return list(pairwise(edges))


def macs_per_sample(top: Topology) -> float:
    """Multiply-accumulates of the prior per pixel and per sample of a channel, hidden and output layers alike."""
    total = 0.0
    for stage in top.stages:
        for op in [*stage.prelude, *stage.row]:
            if isinstance(op, Conv):
                total += _conv_macs(top, op) * _sites_per_sample(top, top.planes[op.out].stage)
    return total


def _conv_macs(top: Topology, op: Conv) -> int:
    inputs = 0
    for term in op.terms:
        if term.plane != CONDITION:
            inputs += term.kh * term.kw * (term.count or top.planes[term.plane].channels)
    return inputs * op.count


def _sites_per_sample(top: Topology, stage: int) -> float:
    if top.rank == 1:
        return 2.0 ** -top.levels
    s = top.stages[stage]
    return 4.0 ** -s.level / s.phases

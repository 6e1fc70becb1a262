/* Error codes of the core. Every vc_* function that can fail returns one of these (negative), or 0 or more on success. */
#ifndef VC_ERROR_H
#define VC_ERROR_H

/* X(code, value, text): the one list from which codes and texts are made. */
#define VC_ERRORS(X)                                                                      \
    X(VC_EARGUMENT, -1, "an argument is outside its range")                               \
    X(VC_ESPACE, -2, "the buffer is too small")                                           \
    X(VC_EORDER, -3, "a stage is coded before the stages it builds on")                   \
    X(VC_EBAND, -4, "a band's array has the wrong shape")                                 \
    X(VC_ELATENT, -5, "a latent is outside -32767..32767")                                \
    X(VC_EESCAPE, -6, "an escaped latent is outside -32767..32767")                       \
    X(VC_ELARGE, -7, "the grid is too large")                                             \
    X(VC_EVARINT, -8, "a varint is too long or above 2^32 - 1")                           \
    X(VC_EEND, -9, "the data ends inside a packet")                                       \
    X(VC_ESYNC, -10, "no packet starts here")                                             \
    X(VC_EHEAD, -11, "the head byte of the packet is not valid")                          \
    X(VC_ECRC, -12, "the packet's CRC does not match")                                    \
    X(VC_EROWS, -13, "blocks are coded before the blocks that they build on")             \
    X(VC_EENDED, -14, "the stream has ended")                                             \
    X(VC_ESTREAM, -15, "the stream is of another model, or of other packets")             \
    X(VC_ELATE, -16, "the packet came before, or comes too late")                         \
    X(VC_EM_MAGIC, -20, "the model does not start with VSYM and version 1 or 2")          \
    X(VC_EM_END, -21, "the model's bytes end too early")                                  \
    X(VC_EM_TRAILING, -22, "bytes follow the model's last operation")                     \
    X(VC_EM_FIELD, -23, "a field of the model is outside its range")                      \
    X(VC_EM_LIMIT, -24, "the model is above a limit of this build")                       \
    X(VC_EM_SYMBOL, -25, "a symbol of the model is listed or coded twice, or not at all") \
    X(VC_EM_PLANE, -26, "an operation of the model names a plane it may not use")         \
    X(VC_EM_CAUSAL, -27, "an operation of the model reads what is not yet written")       \
    X(VC_EM_WRITER, -28, "a channel of the model's planes is written twice")              \
    X(VC_EM_DEPTH, -29, "a plane of the model keeps fewer rows than are read")            \
    X(VC_EM_SUM, -30, "a convolution of the model may exceed 32 bits")                    \
    X(VC_EM_SENSE, -31, "the model does not start with VCSS and version 1")               \
    X(VC_EM_CRC, -32, "the model's bytes are damaged")

enum vc_error {
    VC_OK = 0,
#define VC_ENUM_(code, value, text) code = value,
    VC_ERRORS(VC_ENUM_)
#undef VC_ENUM_
    VC_ERROR_LAST = -128
};

/* One line of English for a code; never NULL. */
static inline const char *vc_error_text(int code)
{
    switch (code) {
#define VC_CASE_(name, value, text) \
    case name:                      \
        return text;
        VC_ERRORS(VC_CASE_)
#undef VC_CASE_
    default:
        return code >= 0 ? "success" : "unknown error";
    }
}

#endif

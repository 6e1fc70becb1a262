"""The one part of the build that setup.cfg cannot state: the cffi extension over the C core."""

from pathlib import Path

from setuptools import setup

BUILDER = "codec/_build_native.py"


def native_modules() -> list[str]:
    """Names the cffi builder in the form that cffi's setuptools hook expects."""
    return [f"{BUILDER}:ffibuilder"] if Path(__file__).with_name("codec").joinpath("_build_native.py").exists() else []


setup(cffi_modules=native_modules())

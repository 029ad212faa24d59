"""Compiles streams/compiled with Cython: a build hook of hatch, and a command for who has changed it.

Without a C compiler, or Python's headers, nothing is compiled: Jun then says so and takes the slower way in Python.
`JUN_COMPILE=require` makes that an error, `JUN_COMPILE=no` leaves compiling out.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "streams/compiled"


def compile_all() -> list[Path]:
    """Compile every .pyx in place; give the files that were made. Raises what the compiler says."""
    from Cython.Build import cythonize  # noqa: PLC0415 - only who compiles needs it
    from setuptools import Extension  # noqa: PLC0415
    from setuptools.dist import Distribution  # noqa: PLC0415

    sources = sorted(FOLDER.glob("*.pyx"))
    before = Path.cwd()
    os.chdir(ROOT)  # setuptools places what it makes by the current folder
    try:
        with tempfile.TemporaryDirectory() as work:
            extensions = cythonize(
                [
                    Extension(
                        f"streams.compiled.{source.stem}",
                        [str(source.relative_to(ROOT))],
                        extra_compile_args=[] if sys.platform == "win32" else ["-O3"],
                    )
                    for source in sources
                ],
                build_dir=work,
                quiet=True,
                language_level=3,
                compiler_directives={"freethreading_compatible": False},
            )
            command = Distribution({"ext_modules": extensions}).get_command_obj("build_ext")
            command.inplace = True
            command.force = True
            command.build_temp = command.build_lib = work
            command.ensure_finalized()
            command.run()
            return [ROOT / command.get_ext_filename(extension.name) for extension in extensions]
    finally:
        os.chdir(before)


class CompileHook(BuildHookInterface):  # type: ignore[type-arg]
    """Compiles before a wheel or an editable installation is made."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatch's signature
        """Compile, and put what was made into the wheel."""
        wanted = os.environ.get("JUN_COMPILE", "")
        if wanted == "no" or self.target_name == "sdist":
            return
        try:
            made = compile_all()
        except Exception as error:
            if wanted == "require":
                raise
            self.app.display_warning(f"streams/compiled is not compiled, Jun will be slower: {error}")
            return
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
        build_data["force_include"] |= {str(path): str(path.relative_to(ROOT)) for path in made}


def main() -> int:
    """Compile; where that fails, say why in a line."""
    try:
        compile_all()
    except Exception as error:
        if os.environ.get("JUN_COMPILE") == "require":
            raise
        print(f"make: streams/compiled can't be compiled, so that Jun is slower: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

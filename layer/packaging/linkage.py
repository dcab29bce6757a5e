"""Checks that binaries need nothing that a Lambda environment might not have, by reading their ELF tables."""

import re

from elftools.elf.elffile import ELFFile

# Every glibc has these; libgcc_s, libstdc++ and libpython are what must not creep in.
GLIBC_LIBRARIES = re.compile(r"(libc|libm|libdl|libpthread|librt)\.so\.\d+|ld-linux[-\w]*\.so\.\d+")


def needed(elf):
    """Names of the shared libraries that an ELF file asks for."""
    dynamic = elf.get_section_by_name(".dynamic")
    return [tag.needed for tag in dynamic.iter_tags("DT_NEEDED")] if dynamic else []


def glibc_versions(elf):
    """The glibc symbol versions that an ELF file asks for, as pairs of numbers."""
    section = elf.get_section_by_name(".gnu.version_r")
    names = [aux.name for _, auxes in section.iter_versions() for aux in auxes] if section else []
    return [tuple(map(int, name[6:].split("."))) for name in names if re.fullmatch(r"GLIBC_[\d.]+", name)]


def faults_of_module(path, newest_glibc):
    """What a module asks for beyond a glibc of `newest_glibc`, a line each; empty when all is well."""
    with path.open("rb") as file:
        elf = ELFFile(file)
        faults = [f"{path.name} needs {name}" for name in needed(elf) if not GLIBC_LIBRARIES.fullmatch(name)]
        for found in sorted(set(glibc_versions(elf))):
            if found > newest_glibc:
                faults.append(f"{path.name} needs glibc {'.'.join(map(str, found))}")
    return faults


def faults_of_static_executable(path):
    """What keeps an executable from running without any library, a line each; empty when all is well."""
    with path.open("rb") as file:
        elf = ELFFile(file)
        faults = [f"{path.name} needs {name}" for name in needed(elf)]
        if any(segment["p_type"] == "PT_INTERP" for segment in elf.iter_segments()):
            faults.append(f"{path.name} asks for a dynamic linker")
    return faults

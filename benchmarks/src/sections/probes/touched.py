"""Gets the code objects of modules from the archive, then prints how much of the archive is in memory.

Arguments: a file with [(name, path to look in)]. Prints two numbers of bytes: resident pages of the archive's mappings
and of the memory that its objects were unpacked to, and those of them that this process has written to.
"""

import sys

finder = sys.meta_path[0]
with open(sys.argv[1]) as file:  # noqa: PTH123
    kept = [finder.find_spec(name, path).loader.get_code(name) for name, path in eval(file.read())]

resident = written = 0
of_archive = False
places = [id(part) for code in kept for part in (code, *code.co_consts) if type(part) is type(code)]
with open("/proc/self/smaps") as smaps:  # noqa: PTH123
    for line in smaps:
        name, *values = line.split()
        if "-" in name:
            start, end = (int(address, 16) for address in name.split("-"))
            of_archive = line.rstrip("\n").endswith(".glow") or any(start <= place < end for place in places)
        elif of_archive and name == "Rss:":
            resident += int(values[0]) * 1024
        elif of_archive and name == "Private_Dirty:":
            written += int(values[0]) * 1024
print(resident, written)

"""Gets the code objects of modules from the archive, then prints how much of the archive is in memory.

Arguments: a file with [(name, path to look in)]. Prints two numbers of bytes: resident pages of all mappings of the
archive, and those of them that this process has written to.
"""

import sys

finder = sys.meta_path[0]
with open(sys.argv[1]) as file:  # noqa: PTH123
    kept = [finder.find_spec(name, path).loader.get_code(name) for name, path in eval(file.read())]

resident = written = 0
of_archive = False
with open("/proc/self/smaps") as smaps:  # noqa: PTH123
    for line in smaps:
        name, *values = line.split()
        if "-" in name:
            of_archive = line.rstrip("\n").endswith(".glow")
        elif of_archive and name == "Rss:":
            resident += int(values[0]) * 1024
        elif of_archive and name == "Private_Dirty:":
            written += int(values[0]) * 1024
print(resident, written)

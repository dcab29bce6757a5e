"""Says where its own code lies."""

import sys

place = id(sys._getframe().f_code)


class Body:
    """A class whose body runs once."""

    place = id(sys._getframe().f_code)
    words = ("one", "two", 3.5)

    def method(self):
        return self.words


def dropped():
    return "nobody keeps this function".upper()


answer = dropped()
del dropped

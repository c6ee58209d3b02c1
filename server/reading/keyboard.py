"""The two layouts of a Russian keyboard, and the text that the same keys give in the other one."""

# The keys of a Windows keyboard, US and Russian (xkeyboard-config: us(basic), ru(winkeys)), plain and with Shift.
_US = "`qwertyuiop[]asdfghjkl;'zxcvbnm,./" + '~QWERTYUIOP{}ASDFGHJKL:"ZXCVBNM<>?@#$^&|'
_RU = "ёйцукенгшщзхъфывапролджэячсмитьбю." + 'ЁЙЦУКЕНГШЩЗХЪФЫВАПРОЛДЖЭЯЧСМИТЬБЮ,"№;:?/'
_RUSSIAN_TO_US = str.maketrans(_RU, _US)
_US_TO_RUSSIAN = str.maketrans(_US, _RU)

# The rows of letters, each with the place of its first key in key widths: what touches what, left, right, above, below.
_ROWS = (("йцукенгшщзхъ", 0.0), ("фывапролджэ", 0.25), ("ячсмитьбю", 0.75))
_PLACES = {letter: (row, start + key) for row, (keys, start) in enumerate(_ROWS) for key, letter in enumerate(keys)}
NEIGHBOURS = {
    letter: "".join(
        other
        for other, (other_row, other_x) in _PLACES.items()
        if (row == other_row and abs(x - other_x) == 1) or (abs(row - other_row) == 1 and abs(x - other_x) < 1)
    )
    for letter, (row, x) in _PLACES.items()
}  # ё has none: it stands in the row of digits


def in_russian_layout(text: str) -> str:
    """What the keys that gave this text give in the Russian layout; Russian letters stay."""
    return text.translate(_US_TO_RUSSIAN)


def in_us_layout(text: str) -> str:
    """What the keys that gave this text give in the US layout; Latin letters stay."""
    return text.translate(_RUSSIAN_TO_US)

"""Check digits of numbers that name a person or an account: what tells them from other numbers of their length."""


def is_card(number: str) -> bool:
    """Whether digits are those of a payment card: its networks' first digit, and Luhn's check (ISO/IEC 7812-1)."""
    if not 13 <= len(number) <= 19 or number[0] not in "23456" or len(set(number)) == 1:
        return False
    digits = [int(each) for each in reversed(number)]
    return sum(each if place % 2 == 0 else sum(divmod(2 * each, 10)) for place, each in enumerate(digits)) % 10 == 0


def is_inn(number: str) -> bool:
    """Whether 10 (organisation) or 12 (person) digits are an ИНН: order ММВ-7-6/435@ of the tax service, appendix."""
    if len(number) == 10:
        return _weighed(number, (2, 4, 10, 3, 5, 9, 4, 6, 8)) and number != "0" * 10
    return (
        len(number) == 12
        and number != "0" * 12
        and _weighed(number[:11], (7, 2, 4, 10, 3, 5, 9, 4, 6, 8))
        and _weighed(number, (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8))
    )


def _weighed(number: str, weights: tuple[int, ...]) -> bool:
    """Whether the last digit is the weighed sum of those before it, modulo 11 and then 10."""
    total = sum(int(digit) * weight for digit, weight in zip(number[:-1], weights, strict=True))
    return total % 11 % 10 == int(number[-1])


def is_snils(number: str) -> bool:
    """Whether 11 digits are a СНИЛС: nine, and two that check them (modulo 101; up to 001-001-998 there are none)."""
    if len(number) != 11 or int(number[:9]) <= 1_001_998:
        return False
    total = sum(int(digit) * weight for digit, weight in zip(number[:9], range(9, 0, -1), strict=True))
    return total % 101 % 100 == int(number[9:])

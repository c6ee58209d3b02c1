"""Check digits: numbers of the standards' own examples hold, and each of their neighbours by one digit does not."""

import pytest

from server.checksums import is_card, is_inn, is_snils

CARDS = ("4111111111111111", "5555555555554444", "378282246310005", "2200770212727079", "6200000000000005")
INN = ("7707083893", "7830002293", "500100732259")
SNILS = ("11223344595", "08765430300")


@pytest.mark.parametrize(("check", "number"), [(is_card, each) for each in CARDS] + [(is_inn, each) for each in INN])
def test_number_holds_and_no_neighbour_does(check, number):
    assert check(number)
    for place, digit in enumerate(number[1:], start=1):
        other = number[:place] + str((int(digit) + 1) % 10) + number[place + 1 :]
        assert not check(other)


@pytest.mark.parametrize("number", SNILS)
def test_snils_holds_and_with_other_check_digits_does_not(number):
    assert is_snils(number)
    assert not is_snils(number[:9] + f"{(int(number[9:]) + 1) % 100:02}")


@pytest.mark.parametrize(
    ("check", "number"),
    [
        (is_card, "0" * 16),
        (is_card, "4" * 16),
        (is_card, "411111111111"),
        (is_card, "1732701234567"),
        (is_inn, "0" * 10),
        (is_inn, "0" * 12),
        (is_inn, "77070838931"),
        (is_inn, ""),
        (is_snils, "00100199800"),
        (is_snils, "1122334459"),
        (is_snils, ""),
    ],
)
def test_other_lengths_zeros_and_numbers_without_a_check_are_none(check, number):
    assert not check(number)

"""Sections that say the same for different platforms, side by side in one article."""

from collections.abc import Mapping, Sequence
from functools import lru_cache

from indexer.sections import Section


class Siblings:
    """Which sections of a help stand in for those of other platforms."""

    def __init__(self, sections: Sequence[Section]) -> None:
        self._sections = sections
        self._of_article: dict[str, list[int]] = {}
        for row, section in enumerate(sections):
            if section.platforms:
                self._of_article.setdefault(section.article_id, []).append(row)
        self.heirs = lru_cache(maxsize=16)(self._heirs)  # as many as there are sets of platforms

    def _heirs(self, platforms: frozenset[str]) -> Mapping[int, tuple[int, ...]]:
        """Row of each section that is for none of these platforms -> those of its article and audiences that are.

        One that is for a platform of the section as well is no other wording of it.
        """
        found: dict[int, tuple[int, ...]] = {}
        for rows in self._of_article.values():
            fitting = [row for row in rows if platforms.intersection(self._sections[row].platforms)]
            for row in set(rows).difference(fitting):
                if heirs := tuple(
                    each for each in fitting if self._stands_in(self._sections[each], self._sections[row])
                ):
                    found[row] = heirs
        return found

    @staticmethod
    def _stands_in(one: Section, other: Section) -> bool:
        return one.audiences == other.audiences and not set(one.platforms).intersection(other.platforms)

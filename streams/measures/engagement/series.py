"""The series of one region by number: the whole, tags, campaigns, and the tags that go with each campaign."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from schemas.activity import CAMPAIGN_PREFIX, TOGETHER_LIMIT, WHOLE
from streams.measures.engagement.arrays import longer
from streams.measures.engagement.pairs import PERSON, SERIES_SHIFT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from streams.measures.engagement.numbering import Numbers

TOGETHER_PREFIX: Final = "with:"
"""The series of people who used a tag together with a campaign's is this, the campaign's name, a colon, the tag."""
NOBODY: Final = np.empty(0, np.int64)
UNNUMBERED: Final = -1
FEW: Final = 16
LEAST_TOGETHER: Final = 2
"""People from which on a tag is published as one that goes with a campaign."""


class SeriesNumbers:
    """The series of one region: 0 is the whole, then the others in order of appearance; no folded tag has a colon.

    Only campaigns of `campaigns_of`, which gives those of each tag, are looked at.
    """

    def __init__(self, numbers: Numbers, campaigns_of: Mapping[str, Sequence[str]]) -> None:
        self.numbers = numbers
        self._campaigns_of = campaigns_of
        self._names = {CAMPAIGN_PREFIX + name for names in campaigns_of.values() for name in names}
        self._campaigns: list[int] = []
        self._members: dict[int, set[int]] = {}
        self._together: dict[int, dict[int, int]] = {}
        self._tagged = (NOBODY, NOBODY)
        self._no_member: dict[int, NDArray[np.bool_]] = {}
        self._pairs: dict[int, NDArray[np.int64]] = {}
        self._tags = np.zeros(0, bool)
        self._looked_at = 0
        self._words: Numbers | None = None
        self._of_word = np.zeros(0, np.int64)
        numbers[WHOLE]  # gives it its number

    def of_words(self, tags: NDArray[np.int64], words: Numbers) -> NDArray[np.int64]:
        """Give the series number of each of `tags`, numbers of `words`; new ones are numbered in order."""
        if words is not self._words:
            if len(tags) < FEW:  # not worth forgetting the words that are known
                return np.array(self.numbers.of([words.names[word] for word in tags.tolist()]), np.int64)
            self._words, self._of_word = words, np.zeros(0, np.int64)
        if len(words.names) > len(self._of_word):
            self._of_word = longer(self._of_word, len(words.names), UNNUMBERED)
        found = self._of_word[tags]
        unknown = found == UNNUMBERED
        if np.count_nonzero(unknown):
            new = list(dict.fromkeys(tags[unknown].tolist()))
            self._of_word[new] = self.numbers.of([words.names[word] for word in new])
            found = self._of_word[tags]
        return found

    def campaigns(self) -> list[int]:
        """Give the numbers of the campaigns that have been seen, in order."""
        self._look()
        return self._campaigns

    def members(self) -> dict[int, set[int]]:
        """Give the numbers of the seen tags of each seen campaign."""
        self._look()
        return self._members

    def tagged(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Give, sorted, the numbers of the seen tags of campaigns, and beside each the number of its campaign."""
        members = self.members()
        count = sum(map(len, members.values()))
        if count != len(self._tagged[0]):
            pairs = sorted((tag, campaign) for campaign, tags in members.items() for tag in tags)
            tags, campaigns = np.array(pairs, np.int64).T
            self._tagged = (np.ascontiguousarray(tags), np.ascontiguousarray(campaigns))
        return self._tagged

    def tags(self) -> NDArray[np.bool_]:
        """Say of each number whether its series is a tag."""
        self._look()
        return self._tags[: len(self.numbers.names)]

    def _look(self) -> None:
        """Look at the names that are new, and number the campaigns of new tags."""
        names = self.numbers.names
        while self._looked_at < len(names):
            number = self._looked_at
            self._looked_at += 1
            name = names[number]
            self._tags = longer(self._tags, number + 1, fill=False)
            self._tags[number] = name != WHOLE and ":" not in name
            if name in self._names:
                self._campaigns.append(number)
            elif name.startswith(TOGETHER_PREFIX):
                campaign, _, tag = name.removeprefix(TOGETHER_PREFIX).partition(":")
                if CAMPAIGN_PREFIX + campaign in self._names:
                    self._note(self.numbers[CAMPAIGN_PREFIX + campaign], self.numbers[tag], number)
            for campaign in self._campaigns_of.get(name, ()):
                of = self.numbers[CAMPAIGN_PREFIX + campaign]
                self._members.setdefault(of, set()).add(number)
                self._no_member.pop(of, None)

    def _note(self, campaign: int, tag: int, number: int) -> None:
        self._together.setdefault(campaign, {})[tag] = number

    # -- tags that go with a campaign

    def together(self, keys: NDArray[np.int64]) -> NDArray[np.int64]:
        """Give, sorted, the pairs of people who in one minute used a tag together with a campaign's.

        `keys` are the sorted distinct pairs of the minute. A tag and a campaign's own series in one minute are as good
        as in one event, and so a minute that is known says all of it: late events change nothing of the rule.
        """
        found = []
        for campaign in self.members():
            low, high = keys.searchsorted((campaign << SERIES_SHIFT, (campaign + 1) << SERIES_SHIFT))
            if low < high:
                of = keys >> SERIES_SHIFT
                others = self._others(campaign)[of].nonzero()[0]
                people, persons = keys[low:high] & PERSON, keys[others] & PERSON
                both = people[np.minimum(people.searchsorted(persons), len(people) - 1)] == persons
                if both.any():
                    numbers = self._pair_numbers(campaign, of[others[both]])
                    found.append(numbers << SERIES_SHIFT | persons[both])
        if not found:
            return NOBODY
        pairs = found[0] if len(found) == 1 else np.concatenate(found)
        pairs.sort()
        return pairs

    def _others(self, campaign: int) -> NDArray[np.bool_]:
        """Say of each number whether its series is a tag that is none of the campaign's."""
        known = len(self.numbers.names)
        have = self._no_member.get(campaign)
        if have is None or len(have) < known:
            have = self._no_member[campaign] = self.tags().copy()
            have[list(self._members[campaign])] = False
        return have

    def _pair_numbers(self, campaign: int, tags: NDArray[np.int64]) -> NDArray[np.int64]:
        """Give the number of the series of each tag with the campaign."""
        table = self._pair_table(campaign)
        numbers = table[tags]
        if (numbers < 0).any():
            known = self._together.setdefault(campaign, {})
            names = self.numbers.names
            name = names[campaign].removeprefix(CAMPAIGN_PREFIX)
            for tag in np.unique(tags[numbers < 0]).tolist():
                known[tag] = table[tag] = self.numbers[f"{TOGETHER_PREFIX}{name}:{names[tag]}"]
            numbers = table[tags]
        return numbers

    def _pair_table(self, campaign: int) -> NDArray[np.int64]:
        """Give an array that has for each tag the number of its series with the campaign, or -1."""
        self._look()
        table = self._pairs.get(campaign)
        if table is None or len(table) < len(self.numbers.names):
            table = self._pairs[campaign] = np.full(2 * len(self.numbers.names), -1)
            known = self._together.get(campaign, {})
            table[list(known)] = list(known.values())
        return table

    def pair_series(self, campaign: int) -> list[int]:
        """Give the numbers of the series of tags that go with a campaign."""
        self._look()
        return list(self._together.get(campaign, {}).values())

    def most_together(self, people: NDArray[np.int64]) -> dict[str, dict[str, int]]:
        """Give, by campaign, the tags that most people used together with it; `people` by series number."""
        self._look()
        names = self.numbers.names
        found = {}
        for campaign, numbers in self._together.items():
            counts = [(int(people[number]), tag) for tag, number in numbers.items()]
            most = sorted((-count, tag) for count, tag in counts if count >= LEAST_TOGETHER)[:TOGETHER_LIMIT]
            if most:
                name = names[campaign].removeprefix(CAMPAIGN_PREFIX)
                found[name] = {names[tag]: -count for count, tag in most}
        return found

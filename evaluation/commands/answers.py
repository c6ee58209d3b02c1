"""`answers`: the steps and quotes that queries are answered with, against the judged steps and against the help."""

import argparse
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from evaluation.commands.opening import JUDGED, command, judged_set, open_searcher
from evaluation.judgments import JudgedSet
from evaluation.leaving_out import LeavingOut
from evaluation.measures import CitedStep, StepScores, citation_correctness, mean, step_scores
from indexer.terminal import Terminal
from server.answering import Answer, Answerer
from server.search import Searcher
from server.steps import StepFinder, alike

_SAME = 0.8  # share of common lemmas from which a step is the judged one


@dataclass(frozen=True, slots=True)
class Found:
    """What the answers to a set of queries are worth; each measure in [0, 1] or None."""

    queries: int  # with judged steps
    recall: float | None
    precision: float | None
    order: float | None
    citations: float | None  # share of steps and quotes, over all queries, that stand word for word in their section
    wrong_platform: int  # steps for another platform than the one given, over all queries and platforms


@dataclass(frozen=True, slots=True)
class FoundKnown:
    """What the answers to known questions are worth, each left out in turn; measures in [0, 1]."""

    queries: int
    recall: float | None  # of all steps that belong into the answer
    precision: float | None


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command with its options."""
    text = "the steps of answers against the judged ones, and whether all that is shown stands in the help"
    sub = command(commands, "answers", _answers, text)
    sub.add_argument("--data", type=Path, default=JUDGED, help="BEIR folder with queries, qrels and nuggets")
    sub.add_argument("--split", help="which qrels (for our own queries: tuning)")
    sub.add_argument(
        "--known",
        type=int,
        metavar="EVERY",
        help="instead, every Nth known question with judged steps, left out",
    )
    sub.add_argument("--corpus", type=Path, default=Path("corpus"))
    sub.add_argument("--json", action="store_true")


def _answers(options: argparse.Namespace) -> int:
    judged = judged_set(options.data, options.split)
    searcher = open_searcher(options.corpus, judged)
    name = "known questions" if options.known else judged.name
    values = asdict(measure_known(searcher, options.known) if options.known else measure(searcher, judged))
    if options.json:
        print(json.dumps({"set": name, **values}, ensure_ascii=False))
    else:
        print(as_text(name, values))
    return 0


def as_text(name: str, figures: Mapping[str, float | int | None]) -> str:
    """The figures of a set as lines."""
    told = (
        f"  {name.replace('_', ' '):<15} {'none' if value is None else f'{value:.4g}'}"
        for name, value in figures.items()
    )
    return "\n".join([f"{name}: steps and quotes", *told])


def measure(searcher: Searcher, judged: JudgedSet) -> Found:
    """The answers to every query of a set: those with judged steps are scored, all are checked against the help."""
    answerer, finder = Answerer(searcher), StepFinder(searcher)
    texts = {section.section_id: section.text for section in searcher.artifact.sections}
    scores: list[StepScores] = []
    cited: list[CitedStep] = []
    wrong = 0
    progress = Terminal().progress(judged.name, "query")

    def same(answered: str, nugget: str) -> bool:
        return alike(finder.content(answered), finder.content(nugget)) >= _SAME

    for done, query in enumerate(judged.queries, start=1):
        answer = answerer.answer(query.text)
        cited += _cited(answer)
        for platform in ("android", "ios", "web", "desktop"):
            steps = answerer.of(answer.result, platform).steps
            wrong += sum(bool(step.platforms) and platform not in step.platforms for step in steps)
        if nuggets := judged.nuggets.get(query.query_id):
            scores.append(step_scores([step.text for step in answer.steps], nuggets, same))
        progress(done, len(judged.queries))
    return Found(
        queries=len(scores),
        recall=mean(each.recall for each in scores),
        precision=mean(each.precision for each in scores),
        order=mean(each.order for each in scores),
        citations=citation_correctness(cited, texts),
        wrong_platform=wrong,
    )


def measure_known(searcher: Searcher, every: int) -> FoundKnown:
    """The answers to every Nth known question with judged steps, which is left out while it is answered.

    Steps of other sections than the question's were not judged and count as wrong: figures are for comparing settings.
    """
    answerer = Answerer(searcher)
    leaving = LeavingOut(searcher.artifact.questions)
    asked = searcher.artifact.questions.questions
    places = [place for place, question in enumerate(asked) if question.steps][::every]
    recalls: list[float] = []
    precisions: list[float] = []
    progress = Terminal().progress("known", "question")
    for done, place in enumerate(places, start=1):
        result = searcher.search(asked[place].line, left_out=leaving.without(place))
        belonging = set(asked[place].steps or ())
        given = {step.step_id for step in answerer.of(result).steps}
        recalls.append(len(given & belonging) / len(belonging))
        if given:
            precisions.append(len(given & belonging) / len(given))
        progress(done, len(places))
    return FoundKnown(len(places), mean(recalls), mean(precisions))


def _cited(answer: Answer) -> Iterator[CitedStep]:
    for step in answer.steps:
        yield from (CitedStep(step.section_id, text) for text in (step.text, *step.substeps))
    if answer.quote:
        yield CitedStep(answer.quote.section_id, answer.quote.text)

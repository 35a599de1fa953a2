"""``registry/agentic_decisions`` and ``registry/agentic_attributes``: one store under its two names.

The goal is called ``decision_goal`` under the first path and ``goal`` under the second; both names are taken
under both. Definitions are stored and validated; nothing evaluates them, and every answer says so.
"""

from collections.abc import Callable
from typing import Any, Final

from fastapi import APIRouter

from snowmelt.api.announcer import Announcer
from snowmelt.api.bodies import Body, InvalidBody, parse_with_rules
from snowmelt.api.drafts import Collection, drafts_router
from snowmelt.definitions import AgenticDecision
from snowmelt.definitions.problems import Problem
from snowmelt.definitions.rules import check_agentic_decision
from snowmelt.definitions.wire import AgenticAttribute, AgenticAttributeAnswer, AgenticDecisionAnswer, drafted_members
from snowmelt.stores.registry import Registry, StoredDraft

OURS: Final = "decision_goal"
NOT_EVALUATED: Final = "Agentic decisions are stored and validated in this release, not evaluated."


def agentic_routers(registry: Registry, announcer: Announcer) -> list[APIRouter]:
    """The endpoints of agentic decisions, under both of their names."""
    return [
        drafts_router(
            Collection(
                path=path,
                title=title,
                titles=titles,
                drafts=registry.agentic_decisions,
                takes=takes,
                gives=gives,
                read=_reader(goal),
                answer=_answerer(goal),
            ),
            announcer,
        )
        for path, title, titles, goal, takes, gives in (
            (
                "/registry/agentic_decisions",
                "an agentic decision",
                "agentic decisions",
                OURS,
                AgenticDecision,
                AgenticDecisionAnswer,
            ),
            (
                "/registry/agentic_attributes",
                "an agentic attribute",
                "agentic attributes",
                "goal",
                AgenticAttribute,
                AgenticAttributeAnswer,
            ),
        )
    ]


def _reader(goal: str) -> Callable[[Body], AgenticDecision]:
    def read(body: Body) -> AgenticDecision:
        told = {**body, OURS: body[OURS] if body.get(OURS) is not None else body.get("goal")}
        try:
            return parse_with_rules(AgenticDecision.model_validate, check_agentic_decision, told)
        except InvalidBody as error:
            raise InvalidBody([_renamed(problem, goal) for problem in error.problems]) from error

    return read


def _renamed(problem: Problem, goal: str) -> Problem:
    loc = (goal, *problem.loc[1:]) if problem.loc[:1] == (OURS,) else problem.loc
    return Problem(loc, problem.msg, problem.type)


def _answerer(goal: str) -> Callable[[StoredDraft[AgenticDecision]], dict[str, Any]]:
    def answer(stored: StoredDraft[AgenticDecision]) -> dict[str, Any]:
        members = drafted_members(
            stored.newest,
            is_published=stored.is_published,
            has_published_version=stored.has_published_version,
            created_at=stored.created_at,
            updated_at=stored.updated_at,
        )
        named = {(goal if name == OURS else name): value for name, value in members.items()}
        return named | {"evaluation": NOT_EVALUATED}

    return answer

"""The part of the API that FastAPI serves: everything but the hot door."""

from fastapi import FastAPI

from snowmelt.api import answers
from snowmelt.api.agentic_decisions import agentic_routers
from snowmelt.api.announcer import Announcer
from snowmelt.api.api_keys import api_keys_router
from snowmelt.api.attribute_groups import attribute_groups_router
from snowmelt.api.attribute_keys import attribute_keys_router
from snowmelt.api.credentials import credentials_router
from snowmelt.api.docs_page import add_docs_page
from snowmelt.api.engines import engines_router
from snowmelt.api.event_logs import event_logs_router
from snowmelt.api.flush import Progress, flush_router
from snowmelt.api.health import health_router
from snowmelt.api.interventions import interventions_router
from snowmelt.api.known_keys import KnownKeys
from snowmelt.api.openapi import describe
from snowmelt.api.plans import plans_router
from snowmelt.api.previews import previews_router
from snowmelt.api.published import published_router
from snowmelt.api.reading import Profiles
from snowmelt.api.schemas import schemas_router
from snowmelt.api.services import services_router
from snowmelt.api.subscription_passes import Passes
from snowmelt.api.subscription_tokens import subscription_tokens_router
from snowmelt.api.targets import Targets
from snowmelt.api.templates import templates_router
from snowmelt.api.tokens import Tokens
from snowmelt.api.user_data import People, user_data_router
from snowmelt.iglu.local import LocalRegistry
from snowmelt.previews.job import RunPreview
from snowmelt.stores.registry import Registry


def framework_app(
    registry: Registry,
    schemas: LocalRegistry,
    profiles: Profiles,
    announcer: Announcer,
    keys: KnownKeys,
    tokens: Tokens,
    progress: Progress,
    previews: RunPreview,
    passes: Passes,
    targets: Targets,
    people: People,
) -> FastAPI:
    """Registry, schemas, engines, API keys, waiting, health and documentation.

    Paths have no slash at the end; the router in front takes it off.
    """
    app = FastAPI(
        title="Snowmelt",
        summary="Live customer attributes from a stream of Snowplow events.",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    for router in (
        attribute_keys_router(registry, announcer),
        attribute_groups_router(registry, announcer),
        services_router(registry, announcer),
        interventions_router(registry, announcer),
        event_logs_router(registry, announcer),
        *agentic_routers(registry, announcer),
        engines_router(registry, announcer),
        published_router(registry),
        templates_router(),
        plans_router(registry),
        api_keys_router(registry),
        flush_router(progress),
        previews_router(registry, previews),
        subscription_tokens_router(passes, targets),
        user_data_router(registry, targets, people, progress),
    ):
        app.include_router(router, prefix="/api/v1")
    app.include_router(schemas_router(schemas))
    app.include_router(credentials_router(keys, tokens))
    app.include_router(health_router(registry, profiles))
    answers.install(app)
    describe(app)
    add_docs_page(app)
    return app

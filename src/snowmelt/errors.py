"""The root of every error that Snowmelt raises on purpose.

The tree, each branch defined beside the code that raises it::

    SnowmeltError
    ├── DefinitionError          definitions/problems.py     a definition is wrong; lists every problem at once
    ├── DetachedBundleError      definitions/dataset.py      a bundle of statements has no client to save it with
    ├── EventError               events/errors.py            bytes that are not a canonical event
    ├── PayloadFormatFailure     enrichment/adapters/        a recorded request that no tracker can have meant
    ├── AdapterFailure           enrichment/adapters/        a request out of which no event can be read
    ├── EnrichmentFailure        enrichment/steps/step.py    an event that an enrichment finds unusable
    ├── SetupProblem             enrichment/steps/step.py    one enrichment cannot be set up
    ├── EnrichmentSetupError     enrichment/steps/step.py    some cannot; lists every one
    ├── SchemasUnavailable       enrichment/validation.py    a schema is not to be had at the moment
    ├── NotReplayable            enrichment/replaying.py     a failed event cannot be tried again
    ├── UnusableSchema           iglu/schema.py              a document cannot serve as a schema
    ├── SchemaExists             iglu/local.py               there is another schema of the same key
    ├── ResolverError            iglu/configuration.py       a resolver configuration cannot be used
    ├── ForbiddenUrl             webhooks/guard.py           a URL that nothing is posted to
    ├── OutOfTime                previews/replay.py          a preview has not the time for its events
    ├── PreviewFailed            previews/job.py             a preview cannot be made
    ├── StoreError               stores/errors.py            a data folder cannot be used as asked
    ├── ConnectorError           connectors/errors.py        a source or an output cannot be used as set up
    │   └── RejoinError          connectors/kafka_session.py a consumer cannot know what became of its commit
    ├── RegistryError            stores/registry/errors.py   the registry refuses a change
    ├── InvalidBody              api/bodies.py               a request body is not a definition
    ├── UnknownName              api/catalog.py              a service, group or attribute cannot be read
    ├── MalformedName            api/catalog.py              an attribute is not written group_vN:attribute
    ├── ForeignToken             api/tokens.py               a text is no token of this server
    ├── ToolError                mcp/source.py            a tool cannot answer what an agent asks
    ├── NotAnnounced             api/announcer.py            a change is stored, but the engine was not told
    ├── TracingUnavailable       runtimes/tracing.py         tracing is asked for, and what it needs is not there
    ├── ServerError              testing/server.py           a server of one's own does not start, or not as asked
    ├── CommandError             cli/errors.py               a command cannot be carried out as given
    └── SignalsError             sdk/errors.py               a call to a server did not succeed
        └── SignalsAPIError
"""

from typing import ClassVar


class SnowmeltError(Exception):
    """Something went wrong that the caller can understand and act on.

    The message says what was wrong, where, and what to do next. ``code`` is a stable word for programs.
    """

    code: ClassVar[str] = "error"

"""The fixed words of the language, as literal types."""

from typing import Literal, TypeAlias

AttributeType: TypeAlias = Literal[
    "bytes",
    "string",
    "int32",
    "int64",
    "double",
    "float",
    "bool",
    "unix_timestamp",
    "timestamp",
    "bytes_list",
    "string_list",
    "int32_list",
    "int64_list",
    "double_list",
    "float_list",
    "bool_list",
    "unix_timestamp_list",
    "dict",
]
"""What an attribute's value is. There is no ``timestamp_list``."""

Aggregation: TypeAlias = Literal[
    "counter",
    "sum",
    "min",
    "max",
    "mean",
    "first",
    "last",
    "unique_list",
    "most_frequent",
    "least_frequent",
    "category_count",
    "approx_count_distinct",
    "time_since_last",
    "time_since_first",
    "stddev",
    "percentile",
    "count_distinct",
]
"""How the values of many events become one; the last three go beyond the public API."""

EventOperator: TypeAlias = Literal["=", "!=", "<", ">", "<=", ">=", "like", "in", "is null", "is not null"]
"""Comparisons of an event's property."""

RuleOperator: TypeAlias = Literal[
    "=",
    "!=",
    "<",
    ">",
    "<=",
    ">=",
    "like",
    "not like",
    "rlike",
    "not rlike",
    "in",
    "not in",
    "is null",
    "is not null",
    "changed",
]
"""Comparisons of an attribute, in the criteria of an intervention."""

DatePart: TypeAlias = Literal[
    "active_day", "active_week", "active_month", "hour_of_day", "day_of_week", "month_of_year"
]
"""``active_*`` truncate a date-time to text, the other three extract a number."""

TimeUnit: TypeAlias = Literal["s", "min", "h", "d"]
"""The unit of ``time_since_last`` and ``time_since_first``."""

CalculatedOperation: TypeAlias = Literal["concat", "sum", "product", "min", "max", "coalesce"]
"""How a calculated property combines its parts."""

GroupKind: TypeAlias = Literal["stream", "batch", "external"]
"""Where an attribute group's values come from."""

AccessMode: TypeAlias = Literal["authenticated", "public"]
"""Who reads a service: holders of a token, or anybody who knows an identifier."""

PropertySyntax: TypeAlias = Literal["blobl", "snowflake", "bigquery", "databricks"]
"""Notations in which the registry can render a property as text."""

TemplateCategory: TypeAlias = Literal["ecommerce", "marketing_attribution", "web_analytics"]
"""Shelves of the template library."""

AgenticOutputType: TypeAlias = Literal["enum", "boolean", "number"]
"""What an agentic decision answers with."""

ModelTier: TypeAlias = Literal["fast", "advanced"]
"""The class of language model behind an agentic decision."""

ContextFormat: TypeAlias = Literal["json", "narrative"]
"""How an event log is read: as data, or as text for a prompt."""

ColumnDataType: TypeAlias = Literal["array", "boolean", "integer", "null", "number", "object", "string", "timestamp"]
"""Kinds of a warehouse column."""

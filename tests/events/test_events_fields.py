import pytest

from snowmelt.events.columns import entity_column, entity_column_of, event_column, event_column_of
from snowmelt.events.errors import SchemaUriError
from snowmelt.events.fields import FIELD_BY_NAME, FIELDS, columns_of
from snowmelt.events.path import parse_path
from snowmelt.events.schema_key import SchemaKey


def test_table_has_131_columns_in_the_order_of_the_tsv_form() -> None:
    assert len(FIELDS) == len(FIELD_BY_NAME) == 131
    names = [field.name for field in FIELDS]
    places = {0: "app_id", 5: "event", 52: "contexts", 58: "unstruct_event", 122: "derived_contexts"}
    assert {index: names[index] for index in places} == places
    assert names[130] == "true_tstamp"


def test_types_and_limits() -> None:
    assert columns_of("float") == ("geo_latitude", "geo_longitude")
    assert len(columns_of("timestamp")) == 7
    assert len(columns_of("flag")) == 11
    assert FIELD_BY_NAME["page_url"].max_length == 10000
    assert FIELD_BY_NAME["mkt_clickid"].max_length == 1000
    assert FIELD_BY_NAME["se_value"] == ("se_value", "decimal", None)


@pytest.mark.parametrize(
    ("vendor", "name", "major", "suffix"),
    [
        ("com.snowplowanalytics.snowplow", "web_page", 1, "com_snowplowanalytics_snowplow_web_page_1"),
        ("org.w3", "PerformanceTiming", 1, "org_w3_performance_timing_1"),
        ("com.my-shop", "iOSContext", 2, "com_my_shop_i_oscontext_2"),
        ("com.Acme", "aB1Cd-eF", 3, "com_acme_a_b1_cd_e_f_3"),
    ],
)
def test_column_names(vendor: str, name: str, major: int, suffix: str) -> None:
    assert event_column(vendor, name, major) == f"unstruct_event_{suffix}"
    assert entity_column(vendor, name, major) == f"contexts_{suffix}"
    uri = f"iglu:{vendor}/{name}/jsonschema/{major}-0-7"
    assert event_column_of(uri) == f"unstruct_event_{suffix}"
    assert entity_column_of(uri) == f"contexts_{suffix}"


def test_schema_key_round_trip() -> None:
    uri = "iglu:com.acme-1_x/Click-it/jsonschema/12-0-3"
    key = SchemaKey.parse(uri)
    assert key == ("com.acme-1_x", "Click-it", "jsonschema", "12-0-3")
    assert key.major == 12
    assert key.uri == uri


@pytest.mark.parametrize(
    ("uri", "word"),
    [
        ("", "INVALID_IGLUURI"),
        ("com.acme/click/jsonschema/1-0-0", "INVALID_IGLUURI"),
        ("iglu:com.acme/click/jsonschema/1-0", "INVALID_IGLUURI"),
        ("iglu:com.acme/click/jsonschema/1-0-0\n", "INVALID_IGLUURI"),
        ("iglu:com.acme/click/jsonschema/1-*-*", "INVALID_IGLUURI"),
        ("iglu:com.acme/clíck/jsonschema/1-0-0", "INVALID_IGLUURI"),
        (f"iglu:{'v' * 129}/click/jsonschema/1-0-0", "INVALID_IGLUURI"),
        (f"iglu:com.acme/{'n' * 129}/jsonschema/1-0-0", "INVALID_IGLUURI"),
        ("iglu:com.acme/click/jsonschema/0-0-1", "INVALID_SCHEMAVER"),
        ("iglu:com.acme/click/jsonschema/01-0-1", "INVALID_SCHEMAVER"),
        ("iglu:com.acme/click/jsonschema/1-00-1", "INVALID_SCHEMAVER"),
        (f"iglu:com.acme/click/jsonschema/{'9' * 5000}-0-0", "INVALID_SCHEMAVER"),
    ],
)
def test_malformed_schema_uris(uri: str, word: str) -> None:
    with pytest.raises(SchemaUriError) as caught:
        SchemaKey.parse(uri)
    assert caught.value.word == word


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("a", ("a",)),
        ("$.a.b", ("a", "b")),
        ("$.a[0].b", ("a", 0, "b")),
        ("a[0][12]", ("a", 0, 12)),
        ("$[1].x", (1, "x")),
        ("$", ()),
        ("$price", ("$price",)),
        ("a[-1]", ("a[-1]",)),
        ("a[*].b", ("a[*]", "b")),
        ("a..b", ("a", "", "b")),
        ("0.1", ("0", "1")),
    ],
)
def test_paths(text: str, steps: tuple[str | int, ...]) -> None:
    assert parse_path(text) == steps

"""The tutorial as its reader types it; run with each client in turn.

After publishing it prints one line, then reads the attributes of every identifier that comes in, one a line.
"""

import json
import os
import sys

from snowplow_signals import (
    Attribute,
    Criteria,
    Criterion,
    EntityProperty,
    Event,
    EventProperty,
    Service,
    SignalsSandbox,
    StreamAttributeGroup,
    domain_userid,
)

sp_signals = SignalsSandbox(
    api_url=os.environ["SIGNALS_URL"],
    sandbox_token=os.environ["SIGNALS_TOKEN"],
)

count_product_views = Attribute(
    name="count_product_views",
    type="int32",
    events=[Event(name="snowplow_ecommerce_action")],
    aggregation="counter",
    criteria=Criteria(
        all=[
            Criterion.eq(
                property=EventProperty(
                    vendor="com.snowplowanalytics.snowplow.ecommerce",
                    name="snowplow_ecommerce_action",
                    major_version=1,
                    path="type",
                ),
                value="product_view",
            )
        ]
    ),
)

count_add_to_cart = Attribute(
    name="count_add_to_cart",
    type="int32",
    events=[Event(name="snowplow_ecommerce_action")],
    aggregation="counter",
    criteria=Criteria(
        all=[
            Criterion.eq(
                property=EventProperty(
                    vendor="com.snowplowanalytics.snowplow.ecommerce",
                    name="snowplow_ecommerce_action",
                    major_version=1,
                    path="type",
                ),
                value="add_to_cart",
            )
        ]
    ),
)

total_cart_value = Attribute(
    name="total_cart_value",
    type="double",
    events=[Event(name="snowplow_ecommerce_action")],
    aggregation="sum",
    property=EntityProperty(
        vendor="com.snowplowanalytics.snowplow.ecommerce",
        name="product",
        major_version=1,
        path="price",
    ),
    criteria=Criteria(
        all=[
            Criterion.eq(
                property=EventProperty(
                    vendor="com.snowplowanalytics.snowplow.ecommerce",
                    name="snowplow_ecommerce_action",
                    major_version=1,
                    path="type",
                ),
                value="add_to_cart",
            )
        ]
    ),
)

attribute_group = StreamAttributeGroup(
    name="ecom_attributes",
    version=1,
    attribute_key=domain_userid,
    attributes=[count_product_views, count_add_to_cart, total_cart_value],
    owner="user@company.com",
)

stream_service = Service(
    name="ecom_attributes",
    attribute_groups=[attribute_group],
    owner="user@company.com",
)

published = sp_signals.publish([attribute_group, stream_service])
print(json.dumps({"published": [item.name for item in published]}))

for line in sys.stdin:
    response = stream_service.get_attributes(
        signals=sp_signals,
        attribute_key="domain_userid",
        identifier=line.strip(),
    )
    print(json.dumps(response))

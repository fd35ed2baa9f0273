"""What the fuzz tests share.

`FUZZ` is the number of inputs of each test: some hundreds with the suite, `make fuzz` takes 25,000.
"""

import os

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

fuzzed = settings(
    max_examples=int(os.environ.get("FUZZ", "300")),
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)


def spliced(whole: list[bytes], pieces: list[bytes]) -> st.SearchStrategy[bytes]:
    """A good file, with pieces of it replaced by others, doubled, or cut away."""
    piece = st.sampled_from(pieces) | st.binary(max_size=8)

    @st.composite
    def build(draw: st.DrawFn) -> bytes:
        content = draw(st.sampled_from(whole))
        for _ in range(draw(st.integers(1, 4))):
            first, second = sorted(draw(st.tuples(*[st.integers(0, len(content))] * 2)))
            middle = draw(piece | st.just(content[first:second] * 2))
            content = content[:first] + middle + content[min(second, first + 12) :]
        return content

    return build()


JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=6)
    | st.sampled_from([2**63, 10**400, -1, 0, "gaussian", "1", [], {}])
    | st.dates(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(max_size=6) | st.sampled_from(["kind", "rows"]) | st.integers(), inner, max_size=3
        )
    ),
    max_leaves=6,
)

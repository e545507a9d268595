from hypothesis import given, strategies as st

from service.events.envelope import Event, data_of
from service.events.models import EnvironmentEvaluated, RepositoryData
from tests.support.clock import NOW

any_text = st.text(alphabet=st.characters(exclude_categories=()))


@given(text=any_text, paths=st.lists(any_text).map(tuple))
def test_whatever_names_git_allows_an_event_can_be_written_and_read(
    text: str, paths: tuple[str, ...]
) -> None:
    data = EnvironmentEvaluated(
        evaluation_id="e",
        source_id="s",
        repository=RepositoryData(host="h", path=text, url="u"),
        generation=1,
        trigger="push",
        verdict="changed",
        reason="definition_changed",
        message=text,
        changed=paths,
    )

    event = Event.from_bytes(Event.of(data, id="1", time=NOW).to_bytes())

    read = data_of(event)
    assert isinstance(read, EnvironmentEvaluated)
    assert len(read.changed) == len(paths)

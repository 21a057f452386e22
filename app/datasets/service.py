"""What can be done with datasets, in terms of the store."""

from typing import Any

from sqlalchemy.orm import Session

from app.datasets.schemas import Dataset, DatasetQuery, RowsQuery, show
from app.pages import Page
from app.pages import page as make_page
from app.parts import Parts
from store import datasets
from store.errors import NotFound
from store.ids import is_id
from store.ingest import preview
from store.keys import Principal


def page(parts: Parts, who: Principal, query: DatasetQuery) -> Page[Dataset]:
    with parts.database.reading() as session:
        found = datasets.page(
            session,
            who.project_id,
            limit=query.limit,
            after=query.after,
            descending=query.order == "desc",
            name=query.name,
            created_after=query.created_after,
        )
    return make_page(found, show=show, key=lambda dataset: dataset.id)


def get(parts: Parts, who: Principal, dataset_id: str) -> Dataset:
    with parts.database.reading() as session:
        return show(_get(session, who, dataset_id))


def rows(parts: Parts, who: Principal, dataset_id: str, query: RowsQuery) -> Page[dict[str, Any]]:
    """The first rows, as JSON; a missing cell is null."""
    with parts.database.reading() as session:
        dataset = _get(session, who, dataset_id)
    found = preview(parts.artifacts.path(dataset.artifact), query.limit)
    more = dataset.description["rows"] > len(found)
    return Page(object="list", data=found, first_id=None, last_id=None, has_more=more)


def delete(parts: Parts, who: Principal, dataset_id: str) -> None:
    _known(dataset_id)
    with parts.database.transaction() as session:
        datasets.delete(session, who.project_id, dataset_id, now=parts.database.now(session))


def _known(dataset_id: str) -> None:
    if not is_id(dataset_id, "dataset"):
        raise NotFound("dataset", dataset_id)


def _get(session: Session, who: Principal, dataset_id: str) -> datasets.Dataset:
    _known(dataset_id)
    return datasets.get(session, who.project_id, dataset_id)

"""The page of /metrics as a reader of Prometheus' text sees it."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from tests.support.programs import fetch


def samples(address: str, name: str, **labels: str) -> dict[tuple[tuple[str, str], ...], float]:
    """Give the samples of `name` that have `labels`, by their other labels; none while nobody answers."""
    status, page = fetch(address)
    return {
        tuple(item for item in sorted(sample.labels.items()) if item[0] not in labels): sample.value
        for family in (text_string_to_metric_families(page) if status == 200 else ())
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    }


def by_region(address: str, name: str, **labels: str) -> dict[str, float]:
    """Give what a metric that has a region and `labels` says of each region."""
    return {dict(found)["region"]: value for found, value in samples(address, name, **labels).items()}


def verdicts(address: str) -> dict[str, str]:
    """Give the verdict of each region."""
    found = (dict(one) for one, value in samples(address, "jun_region_verdict").items() if value == 1)
    return {one["region"]: one["verdict"] for one in found}

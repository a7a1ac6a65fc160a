"""Links to log lines and traces."""

import yaml
from dashboards import GRAFANA, dashboards, explored, links, variables


def test_links_to_logs_and_traces_lead_to_provisioned_data_sources() -> None:
    """By their uids; and the data source that is chosen at first is one of them."""
    provisioned = yaml.safe_load((GRAFANA / "provisioning/datasources/datasources.yaml").read_text("utf-8"))
    sources = {source["uid"]: source["type"] for source in provisioned["datasources"]}
    asked = [explored(url) for of in dashboards() for _, url in links(of) if url.startswith("/explore")]
    assert {each["to"]: each["datasource"]["type"] for each in asked} == {"loki": "loki", "tempo": "tempo"}
    chosen = {variables(of)["datasource"]["current"]["value"] for of in dashboards()}
    assert chosen == {"prometheus"} <= sources.keys() == {"loki", "prometheus", "tempo"}
    assert all(uid == kind for uid, kind in sources.items())

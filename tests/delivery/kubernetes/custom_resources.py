"""Schemas of the custom resources that services use: exactly the fields they use, so that a misspelt one is refused.

Kubernetes' own schemas know nothing of them, and a server prunes what it does not know without a word. Names and types
are those of the Prometheus Operator's monitoring.coreos.com/v1 and Argo Rollouts' argoproj.io/v1alpha1.
"""

from typing import Any

import jsonschema

Schema = dict[str, Any]

TEXT: Schema = {"type": "string", "minLength": 1}
COUNT: Schema = {"type": "integer", "minimum": 0}
YES_OR_NO: Schema = {"type": "boolean"}
NAME: Schema = {"type": "string", "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", "maxLength": 63}
DURATION: Schema = {"type": "string", "pattern": "^([0-9]+(ms|s|m|h|d|w|y))+$"}  # as Prometheus writes it
WAIT: Schema = {"type": "string", "pattern": "^([0-9]+(ms|s|m|h))+$"}  # as Go does: it knows no days
SHARE: Schema = {"type": ["integer", "string"], "pattern": "^[0-9]+%$", "minimum": 0}
LABEL_NAME: Schema = {"type": "string", "pattern": "^[a-zA-Z_][a-zA-Z0-9_]*$"}
TEXTS: Schema = {"type": "object", "additionalProperties": {"type": "string"}}


def fields(required: str, **optional: Schema) -> dict[str, Any]:
    """Describe an object: what it must hold, by name, and what all of its fields are."""
    return {
        "type": "object",
        "required": required.split(),
        "properties": optional,
        "additionalProperties": False,
        "minProperties": 1,
    }


def many(of: Schema) -> Schema:
    """Describe a list that is not empty."""
    return {"type": "array", "items": of, "minItems": 1}


def one_of(*values: str) -> Schema:
    """Describe one of a few words."""
    return {"enum": list(values)}


SELECTOR = fields("matchLabels", matchLabels=TEXTS)
METADATA = fields("name", name=NAME, namespace=NAME, labels=TEXTS, annotations=TEXTS)
RULE = fields(
    "expr",
    record=TEXT,
    alert=TEXT,
    expr=TEXT,
    labels=TEXTS,
    annotations=TEXTS,
    keep_firing_for=DURATION,
    **{"for": DURATION},
)
ENDPOINT = fields(
    "port path interval",
    port=TEXT,
    path=TEXT,
    interval=DURATION,
    scrapeTimeout=DURATION,
    relabelings=many(fields("sourceLabels targetLabel", sourceLabels=many(LABEL_NAME), targetLabel=LABEL_NAME)),
)
ARGUMENT = fields(
    "name",
    name=TEXT,
    value=TEXT,
    valueFrom=fields("", fieldRef=fields("fieldPath", fieldPath=TEXT), podTemplateHashValue=one_of("Stable", "Latest")),
)
STEP = fields("", setWeight={**COUNT, "maximum": 100}, pause=fields("", duration=WAIT))
METRIC = fields(
    "name provider",
    name=TEXT,
    initialDelay=WAIT,
    interval=WAIT,
    successCondition=TEXT,
    failureCondition=TEXT,
    failureLimit=COUNT,
    inconclusiveLimit=COUNT,
    provider=fields("prometheus", prometheus=fields("address query", address=TEXT, query=TEXT)),
)
SPECS: dict[tuple[str, str], Schema] = {
    ("monitoring.coreos.com/v1", "ServiceMonitor"): fields(
        "selector endpoints", selector=SELECTOR, endpoints=many(ENDPOINT)
    ),
    ("monitoring.coreos.com/v1", "PrometheusRule"): fields(
        "groups", groups=many(fields("name rules", name=TEXT, interval=DURATION, rules=many(RULE)))
    ),
    ("argoproj.io/v1alpha1", "Rollout"): fields(
        "selector workloadRef strategy",
        revisionHistoryLimit=COUNT,
        progressDeadlineSeconds=COUNT,
        progressDeadlineAbort=YES_OR_NO,
        minReadySeconds=COUNT,
        selector=SELECTOR,
        workloadRef=fields(
            "apiVersion kind name",
            apiVersion=TEXT,
            kind=TEXT,
            name=NAME,
            scaleDown=one_of("never", "onsuccess", "progressively"),
        ),
        strategy=fields(
            "canary",
            canary=fields(
                "steps",
                maxSurge=SHARE,
                maxUnavailable=SHARE,
                steps=many(STEP),
                analysis=fields(
                    "templates",
                    templates=many(fields("templateName", templateName=NAME)),
                    startingStep=COUNT,
                    args=many(ARGUMENT),
                ),
            ),
        ),
    ),
    ("argoproj.io/v1alpha1", "AnalysisTemplate"): fields("metrics", args=many(ARGUMENT), metrics=many(METRIC)),
}


def validate(custom: dict[str, Any]) -> None:
    """Check one object. Raises `jsonschema.ValidationError`, and `KeyError` for a kind that has no schema here."""
    spec = SPECS[custom["apiVersion"], custom["kind"]]
    whole = fields("apiVersion kind metadata spec", apiVersion=TEXT, kind=TEXT, metadata=METADATA, spec=spec)
    jsonschema.Draft202012Validator(whole).validate(custom)

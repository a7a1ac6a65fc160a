/** A table of Prometheus answers: a row for each set of labels, a column for each label and each query. */
import { Table } from "@perses-dev/components";
import { formatValue, type TimeSeriesData } from "@perses-dev/core";
import type { PanelProps } from "@perses-dev/plugin-system";
import { format, thresholds } from "./fields";
import { named, type Field, type Panel, type Transformation } from "./grafana";

interface Spec {
  panel: Panel;
}

interface Column {
  name: string;
  header: string;
  field: Field;
}

type Value = string | number | null;
type Row = Record<string, Value>;

export function LabelTable({ spec: { panel }, queryResults, contentDimensions }: PanelProps<Spec, TimeSeriesData>): JSX.Element | null {
  const answers = queryResults.map(({ data }) => data);
  const rows = joined(panel, answers);
  const columns = organized(panel, [...new Set(rows.flatMap(Object.keys))]);
  if (!contentDimensions) {
    return null;
  }
  return (
    <Table<Row>
      {...contentDimensions}
      density="compact"
      defaultColumnWidth="auto"
      data={rows}
      columns={columns.map(({ name, header, field }) => ({
        accessorKey: name,
        header,
        align: rows.some((row) => typeof row[name] === "number") ? ("right" as const) : ("left" as const),
        cell: ({ getValue }) => shown(getValue() as Value, field),
      }))}
    />
  );
}

/** Answers share a row when the labels that both have are the same. */
function joined(panel: Panel, answers: TimeSeriesData[]): Row[] {
  const rows: Row[] = [];
  answers.forEach((answer, index) => {
    const column = answers.length === 1 ? "Value" : `Value #${panel.targets[index]?.refId}`;
    for (const { labels = {}, values } of answer.series) {
      const partner = rows.find((row) => !(column in row) && Object.entries(labels).every(([name, value]) => (row[name] ?? value) === value));
      const row = partner ?? {};
      Object.assign(row, labels, { [column]: values.at(-1)?.[1] ?? null });
      if (!partner) {
        rows.push(row);
      }
    }
  });
  return rows;
}

/** Chosen, ordered and renamed as Grafana's transformations say. */
function organized(panel: Panel, names: string[]): Column[] {
  const said = Object.assign({}, ...(panel.transformations ?? []).map(({ options }) => options)) as Transformation["options"];
  const { include, indexByName = {}, renameByName = {} } = said;
  const pattern = new RegExp(include?.pattern.slice(1, -1) ?? "");
  return names
    .filter((name) => pattern.test(name))
    .sort((one, other) => (indexByName[one] ?? names.length) - (indexByName[other] ?? names.length))
    .map((name) => ({ name, header: renameByName[name] || name }))
    .map(({ name, header }) => ({ name, header, field: { ...panel.fieldConfig.defaults, ...named(panel.fieldConfig, header) } }));
}

function shown(value: Value, field: Field): JSX.Element | string {
  if (typeof value !== "number") {
    return value ?? "";
  }
  const { defaultColor, steps = [] } = thresholds(field);
  const color = steps.findLast((step) => value >= step.value)?.color ?? defaultColor;
  return <span style={color ? { color } : {}}>{formatValue(value, format(field))}</span>;
}

// What a dashboard of ours may be: Grafana's own types, as JSON writes them, and the options of each kind of panel we use.
import type { AnnotationQuery, Dashboard, FieldConfigSource, Panel, RowPanel } from "@grafana/schema";
import type * as Heatmap from "@grafana/schema/dist/esm/raw/composable/heatmap/panelcfg/x/HeatmapPanelCfg_types.gen";
import type * as Stat from "@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen";
import type * as Table from "@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen";
import type * as TimeSeries from "@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen";

// JSON has strings where TypeScript has enumerations.
type Written<T> = T extends string ? `${T}` : T extends object ? { [Key in keyof T]: Written<T[Key]> } : T;

// Grafana's packages have no types for the queries of Prometheus.
interface Target {
  refId: string;
  datasource: { type: "prometheus"; uid: "${datasource}" };
  editorMode: "code";
  expr: string;
  legendFormat: string;
  exemplar: boolean;
  range?: true;
  instant?: true;
  format?: "heatmap" | "table";
}
interface Marks {
  expr: string;
  step: string;
  titleFormat: string;
  textFormat: string;
}
type Drawn<Kind extends string, Options, Custom> = Written<Omit<Panel, "fieldConfig" | "options" | "targets" | "type">> & {
  type: Kind;
  targets: Target[];
  options: Written<Options>;
  fieldConfig: Written<Omit<FieldConfigSource, "defaults">> & {
    defaults: Written<Omit<FieldConfigSource["defaults"], "custom">> & { custom: Written<Partial<Custom>> };
  };
};
type Row = Written<Omit<RowPanel, "type">> & { type: "row" };
type AnyPanel =
  | Row
  | Drawn<"heatmap", Heatmap.Options, Heatmap.FieldConfig>
  | Drawn<"stat", Stat.Options, Record<string, never>>
  | Drawn<"table", Table.Options, Table.FieldConfig>
  | Drawn<"timeseries", TimeSeries.Options, TimeSeries.FieldConfig>;

export type Ours = Written<Omit<Dashboard, "panels" | "annotations">> & {
  panels: AnyPanel[];
  annotations: { list: (Written<AnnotationQuery> & Marks)[] };
};

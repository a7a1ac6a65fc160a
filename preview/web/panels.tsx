/** Grafana's panels in Perses' words. What is drawn by what is in mapping.json. */
import type { TimeSeriesData, UnknownSpec } from "@perses-dev/core";
import type { PanelProps } from "@perses-dev/plugin-system";
import { StatChart } from "@perses-dev/stat-chart-plugin";
import { TimeSeriesChart } from "@perses-dev/timeseries-chart-plugin";
import type { ComponentType } from "react";
import { color, defined, format, thresholds } from "./fields";
import { named, type Panel, type PanelType } from "./grafana";
import { BucketHeatmap } from "./heatmap";
import { LabelTable } from "./table";
import mapping from "./mapping.json";

const COMPONENTS: Record<string, unknown> = {
  TimeSeriesChart: TimeSeriesChart.PanelComponent,
  StatChart: StatChart.PanelComponent,
  LabelTable,
  BucketHeatmap,
};
const VALUE_SIZE = 28; // pixels, for all alike
const SPECS: Record<PanelType, (panel: Panel, data: TimeSeriesData[]) => UnknownSpec> = {
  timeseries: timeSeries,
  stat,
  table: (panel) => ({ panel }),
  heatmap: (panel) => ({ panel }),
};

interface Props {
  panel: Panel;
  data: TimeSeriesData[];
  width: number;
  height: number;
}

export function Chart({ panel, data, width, height }: Props): JSX.Element {
  const Component = COMPONENTS[mapping.panels[panel.type]] as ComponentType<PanelProps<UnknownSpec, TimeSeriesData>>;
  const definition = { kind: "TimeSeriesQuery", spec: { plugin: { kind: "PrometheusTimeSeriesQuery", spec: {} } } };
  const queryResults = data.map((one) => ({ definition, data: one }));
  return <Component spec={SPECS[panel.type](panel, data)} queryResults={queryResults} contentDimensions={{ width, height }} />;
}

function timeSeries(panel: Panel, data: TimeSeriesData[]): UnknownSpec {
  const { defaults } = panel.fieldConfig;
  const custom = defaults.custom ?? {};
  const legend = panel.options?.legend;
  return {
    yAxis: { show: true, format: format(defaults), ...defined({ min: defaults.min ?? softMin(panel, data), max: defaults.max }) },
    ...(legend?.showLegend === false ? {} : { legend: { position: legend?.placement ?? "bottom", mode: "list", size: "small" } }),
    visual: {
      areaOpacity: (custom.fillOpacity ?? 0) / 100,
      lineWidth: 1.5,
      pointRadius: 0,
      connectNulls: false,
      stack: custom.stacking?.mode === "normal" ? "all" : "none",
      palette: { mode: "categorical" },
    },
    querySettings: panel.targets.flatMap((target, queryIndex) => lookOf(panel, target.legendFormat ?? "", queryIndex)),
    ...((custom.thresholdsStyle?.mode ?? "off") === "off" ? {} : { thresholds: thresholds(defaults) }),
  };
}

/** A soft minimum gives way to values below it. */
function softMin(panel: Panel, data: TimeSeriesData[]): number | undefined {
  const soft = panel.fieldConfig.defaults.custom?.axisSoftMin;
  const values = data.flatMap(({ series }) => series.flatMap((one) => one.values.map(([, value]) => value ?? Infinity)));
  return soft !== undefined && values.every((value) => value >= soft) ? soft : undefined;
}

function lookOf(panel: Panel, legend: string, queryIndex: number): UnknownSpec[] {
  const own = named(panel.fieldConfig, legend);
  const line = own["custom.lineStyle"]?.fill === "dash" ? { lineStyle: "dashed", areaOpacity: 0 } : {};
  const fixed = own.color?.fixedColor ? { colorMode: "fixed", colorValue: color(own.color.fixedColor) } : {};
  return Object.keys(own).length === 0 ? [] : [{ queryIndex, ...line, ...fixed }];
}

function stat({ fieldConfig: { defaults } }: Panel): UnknownSpec {
  return { calculation: "last-number", format: format(defaults), thresholds: thresholds(defaults), valueFontSize: VALUE_SIZE };
}

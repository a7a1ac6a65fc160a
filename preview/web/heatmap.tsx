/** A histogram's buckets over time, one line for each bucket, as Grafana draws them. Perses' own panel knows native histograms only. */
import type { TimeSeries, TimeSeriesData } from "@perses-dev/core";
import type { PanelProps } from "@perses-dev/plugin-system";
import { HeatMapChart } from "@perses-dev/heatmap-chart-plugin/lib/components/HeatMapChart";
import { format } from "./fields";
import type { Panel } from "./grafana";

interface Spec {
  panel: Panel;
}

export function BucketHeatmap({ spec: { panel }, queryResults, contentDimensions }: PanelProps<Spec, TimeSeriesData>): JSX.Element | null {
  const data = queryResults[0]?.data;
  if (!contentDimensions || !data?.timeRange || !data.stepMs) {
    return null;
  }
  const buckets = [...data.series].sort((one, other) => bound(one) - bound(other));
  const [startMs, endMs, stepMs] = [data.timeRange.start.getTime(), data.timeRange.end.getTime(), data.stepMs];
  const times = Array.from({ length: (endMs - startMs) / stepMs + 1 }, (_, step) => startMs + step * stepMs);
  const exponent = panel.options?.color?.exponent ?? 1;
  const cells = buckets.flatMap((bucket, line) =>
    counts(bucket, buckets[line - 1])
      .filter(([, count]) => count > 0)
      .map(([time, count]) => cell((time - startMs) / stepMs, line, count ** exponent)),
  );
  const [top, most] = [Math.max(...cells.map(({ value }) => value[1])), Math.max(...cells.map(({ value }) => value[2]))];
  return (
    <HeatMapChart
      {...contentDimensions}
      data={cells}
      xAxisCategories={times}
      yAxisCategories={buckets.slice(0, top + 1).map((bucket) => String(bound(bucket)))}
      yAxisFormat={format(panel.options?.yAxis ?? panel.fieldConfig.defaults)}
      countMin={0}
      countMax={most}
      timeScale={{ startMs, endMs, stepMs, rangeMs: endMs - startMs }}
    />
  );
}

function bound(bucket: TimeSeries): number {
  return Number(bucket.labels?.["le"]?.replace("+Inf", "Infinity"));
}

/** Buckets are cumulative: what is in this one is what is not in the one below. */
function counts(bucket: TimeSeries, below?: TimeSeries): [number, number][] {
  const lower = new Map(below?.values);
  return bucket.values.map(([time, value]) => [time, (value ?? 0) - (lower.get(time) ?? 0)]);
}

function cell(step: number, line: number, count: number): { value: [number, number, number]; label: string } {
  return { value: [step, line, count], label: String(count) };
}

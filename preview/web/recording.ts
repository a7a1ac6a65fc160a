/** What was recorded: the minutes in Prometheus, and the answers to a panel's queries. */
import type { TimeSeries, TimeSeriesData } from "@perses-dev/core";
import type { Dashboard, Panel, Target } from "./grafana";

export interface Recording {
  prometheus: string;
  began: number;
  ended: number;
  scrapeSeconds: number;
  variables: Record<string, string>;
}

interface Sample {
  metric: Record<string, string>;
  values?: [number, string][];
  value?: [number, string];
}

const EVERYTHING = ".+";

/** Ask every query of a panel, in as many steps as it is wide. */
export async function ask(recording: Recording, dashboard: Dashboard, panel: Panel, width: number): Promise<TimeSeriesData[]> {
  const range = recording.ended - recording.began;
  const step = Math.max(recording.scrapeSeconds, Math.ceil(range / width));
  const values = { ...variables(recording, dashboard), ...intervals(recording.scrapeSeconds, step, range) };
  return Promise.all(panel.targets.map((target) => answer(recording, target, substituted(target.expr, values), step)));
}

export function substituted(text: string, values: Record<string, string>): string {
  return text.replace(/\$(?:\{(\w+)(?::\w+)?\}|(\w+))/g, (whole, braced: string, bare: string) => values[braced ?? bare] ?? whole);
}

export function variables(recording: Recording, dashboard: Dashboard): Record<string, string> {
  const offered = dashboard.templating.list.map(({ name, allValue }) => [name, allValue ?? EVERYTHING] as const);
  return { ...Object.fromEntries(offered), ...recording.variables };
}

function intervals(scrape: number, step: number, range: number): Record<string, string> {
  return {
    __interval: `${step}s`,
    __rate_interval: `${Math.max(step + scrape, 4 * scrape)}s`,
    __range: `${Math.round(range)}s`,
    __range_s: `${Math.round(range)}`,
  };
}

async function answer(recording: Recording, target: Target, query: string, step: number): Promise<TimeSeriesData> {
  const end = Math.floor(recording.ended / step) * step;
  const start = Math.ceil(recording.began / step) * step;
  const [path, time] = target.instant
    ? ["query", { time: `${recording.ended}` }]
    : ["query_range", { start: `${start}`, end: `${end}`, step: `${step}` }];
  const response = await fetch(`${recording.prometheus}/api/v1/${path}?${new URLSearchParams({ query, ...time })}`);
  const body = await response.json();
  if (body.status !== "success") {
    throw new Error(`Prometheus refused ${query}: ${body.error}`);
  }
  const timeRange = { start: new Date(start * 1000), end: new Date(end * 1000) };
  return { timeRange, stepMs: step * 1000, series: body.data.result.map((sample: Sample) => series(sample, target)) };
}

function series({ metric, values, value }: Sample, target: Target): TimeSeries {
  const name = legend(metric, target);
  const points = values ?? (value ? [value] : []);
  return {
    name,
    formattedName: name,
    labels: metric,
    values: points.map(([time, text]) => [time * 1000, Number.isFinite(Number(text)) ? Number(text) : null]),
  };
}

function legend(metric: Record<string, string>, { legendFormat, expr }: Target): string {
  if (legendFormat && legendFormat !== "__auto") {
    return legendFormat.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, label: string) => metric[label] ?? "");
  }
  const labels = Object.entries(metric).filter(([label]) => label !== "__name__");
  return labels.map(([label, value]) => `${label}="${value}"`).join(", ") || expr;
}

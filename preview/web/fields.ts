/** What Grafana says about values: units, colours, thresholds. */
import type { FormatOptions, ThresholdOptions } from "@perses-dev/core";
import type { Field } from "./grafana";
import mapping from "./mapping.json";

const COLORS: Record<string, string> = mapping.colors;

export function format({ unit = "short", decimals }: Field): FormatOptions {
  return { ...mapping.units[unit], ...defined({ decimalPlaces: decimals }) } as FormatOptions;
}

export function color(name: string): string {
  return COLORS[name] ?? name;
}

export function thresholds({ thresholds: given }: Field): ThresholdOptions {
  const [base, ...steps] = given?.steps ?? [];
  return {
    mode: "absolute",
    ...defined({ defaultColor: base && color(base.color) }),
    steps: steps.map((step) => ({ value: step.value ?? 0, color: color(step.color) })),
  };
}

export function defined<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as ReturnType<typeof defined<T>>;
}

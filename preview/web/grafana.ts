/** What we read of Grafana's classic dashboard JSON. */
import mapping from "./mapping.json";

export type PanelType = keyof typeof mapping.panels;
export type Unit = keyof typeof mapping.units;

export interface Dashboard {
  title: string;
  description: string;
  templating: { list: Variable[] };
  panels: (Panel | Row)[];
}

export interface Variable {
  name: string;
  allValue?: string;
}

export interface Row {
  id: number;
  type: "row";
  title: string;
  gridPos: GridPosition;
}

export interface Panel {
  id: number;
  type: PanelType;
  title: string;
  gridPos: GridPosition;
  targets: Target[];
  fieldConfig: { defaults: Field; overrides: Override[] };
  options?: Options;
  transformations?: Transformation[];
}

export interface GridPosition {
  x: number;
  y: number;
  w: number;
  h: number;
}

export interface Target {
  refId: string;
  expr: string;
  legendFormat?: string;
  instant?: boolean;
}

export interface Field {
  unit?: Unit;
  decimals?: number;
  min?: number;
  max?: number;
  thresholds?: { mode: string; steps: { color: string; value: number | null }[] };
  color?: { mode?: string; fixedColor?: string };
  "custom.lineStyle"?: { fill: string };
  custom?: {
    axisSoftMin?: number;
    fillOpacity?: number;
    stacking?: { mode: string };
    thresholdsStyle?: { mode: string };
  };
}

export interface Override {
  matcher: { id: string; options: string };
  properties: { id: string; value: unknown }[];
}

export interface Options {
  legend?: { showLegend?: boolean; displayMode?: string; placement?: string };
  color?: { exponent?: number };
  yAxis?: { unit?: Unit };
}

export interface Transformation {
  id: string;
  options: {
    include?: { pattern: string };
    indexByName?: Record<string, number>;
    renameByName?: Record<string, string>;
  };
}

/** What the overrides say about the curve or the column of this name. */
export function named({ overrides }: Panel["fieldConfig"], name: string): Field {
  const properties = overrides.filter(({ matcher }) => matcher.options === name).flatMap((one) => one.properties);
  return Object.fromEntries(properties.map(({ id, value }) => [id, value]));
}

/** The page that is photographed: one dashboard over one recording. */
import { ChartsProvider, generateChartsTheme, getTheme, SnackbarProvider, TimeZoneProvider } from "@perses-dev/components";
import type { TimeSeriesData } from "@perses-dev/core";
import { TimeRangeProvider } from "@perses-dev/plugin-system";
import { createTheme, CssBaseline, ThemeProvider } from "@mui/material";
import { createRoot } from "react-dom/client";
import type { Dashboard, GridPosition, Panel, Row } from "./grafana";
import { Chart } from "./panels";
import mapping from "./mapping.json";
import { ask, substituted, variables, type Recording } from "./recording";

const COLUMNS = 24;
const CELL = 30; // pixels, as in Grafana
const GAP = 8;
const TITLE = 30;
const PANEL = "#181b1f";

declare global {
  interface Window {
    draw: (dashboard: Dashboard, recording: Recording) => Promise<void>;
  }
}

interface Drawn {
  panel: Panel;
  data: TimeSeriesData[];
}

window.draw = async (dashboard, recording) => {
  const panels = dashboard.panels.filter((panel): panel is Panel => panel.type !== "row");
  const rows = dashboard.panels.filter((panel): panel is Row => panel.type === "row");
  const drawn = await Promise.all(
    panels.map(async (panel) => ({ panel, data: await ask(recording, dashboard, panel, size(panel.gridPos).width) })),
  );
  createRoot(document.body).render(<Page dashboard={dashboard} recording={recording} rows={rows} drawn={drawn} />);
};

function Page(props: { dashboard: Dashboard; recording: Recording; rows: Row[]; drawn: Drawn[] }): JSX.Element {
  const { dashboard, recording, rows, drawn } = props;
  const theme = createTheme(getTheme("dark"), { palette: { background: { default: PANEL } } });
  const range = { start: new Date(recording.began * 1000), end: new Date(recording.ended * 1000) };
  return (
    <ThemeProvider theme={theme}>
      <CssBaseline />
      <ChartsProvider chartsTheme={generateChartsTheme(theme, { echartsTheme: { color: mapping.palette } })}>
        <SnackbarProvider>
          <TimeZoneProvider timeZone="UTC">
            <TimeRangeProvider timeRange={range}>
              <Header dashboard={dashboard} recording={recording} />
              <main>
                {rows.map((row) => (
                  <h2 key={row.id} style={place(row.gridPos)}>{row.title}</h2>
                ))}
                {drawn.map((one) => (
                  <Framed key={one.panel.id} {...one} values={variables(recording, dashboard)} />
                ))}
              </main>
            </TimeRangeProvider>
          </TimeZoneProvider>
        </SnackbarProvider>
      </ChartsProvider>
    </ThemeProvider>
  );
}

function Header({ dashboard, recording }: { dashboard: Dashboard; recording: Recording }): JSX.Element {
  return (
    <header>
      <h1>{dashboard.title}</h1>
      <span>{dashboard.description}</span>
      {Object.entries(recording.variables).map(([name, value]) => (
        <code key={name}>{name}={value}</code>
      ))}
      <time>{clock(recording.began)} to {clock(recording.ended)} UTC</time>
    </header>
  );
}

function clock(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(11, 16);
}

function Framed({ panel, data, values }: Drawn & { values: Record<string, string> }): JSX.Element {
  return (
    <section style={place(panel.gridPos)}>
      <h3>{substituted(panel.title, values)}</h3>
      <Chart panel={panel} data={data} {...size(panel.gridPos)} />
    </section>
  );
}

function size({ w, h }: GridPosition): { width: number; height: number } {
  const column = (window.innerWidth - GAP * (COLUMNS + 1)) / COLUMNS;
  return { width: w * column + (w - 1) * GAP - 2, height: h * CELL + (h - 1) * GAP - TITLE };
}

function place({ x, y, w, h }: GridPosition): { gridColumn: string; gridRow: string } {
  return { gridColumn: `${x + 1} / span ${w}`, gridRow: `${y + 1} / span ${h}` };
}

import createCache, { type EmotionCache } from "@emotion/cache";
import { createTheme } from "@mui/material/styles";
import { ConstructedSheet } from "./sheet";

export function makeStyleCache(): EmotionCache {
  const cache = createCache({ key: "o", speedy: true });
  cache.sheet = new ConstructedSheet({ key: "o" }) as unknown as EmotionCache["sheet"];
  return cache;
}

// The colours of statuses are in statuses.css, as the table does not use Emotion.
export const theme = createTheme({
  cssVariables: { colorSchemeSelector: "data-theme" },
  colorSchemes: {
    light: { palette: { primary: { main: "#0b4a8f" }, error: { main: "#a1121b" }, background: { default: "#f6f8fa", paper: "#ffffff" } } },
    dark: { palette: { primary: { main: "#90c4ff" }, error: { main: "#ff9aa0" }, background: { default: "#10151b", paper: "#181f27" } } },
  },
  shape: { borderRadius: 6 },
  typography: {
    fontFamily:
      'system-ui, -apple-system, "Segoe UI", Roboto, "Apple SD Gothic Neo", "Malgun Gothic", "Noto Sans KR", "Noto Sans CJK KR", sans-serif',
    fontSize: 14,
    button: { textTransform: "none" },
  },
  components: {
    // No lighter ground for what lies higher: the colours are those of statuses.css.
    MuiPaper: { styleOverrides: { root: { backgroundImage: "none" } } },
    MuiButtonBase: { defaultProps: { disableRipple: true } },
    MuiButton: { defaultProps: { size: "small", disableElevation: true } },
    MuiTextField: { defaultProps: { size: "small" } },
    MuiTooltip: { defaultProps: { disableInteractive: true, enterDelay: 400 } },
  },
});

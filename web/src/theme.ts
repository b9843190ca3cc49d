// Light, dark, or as the system says.
import { applyMode, Mode } from "@cloudscape-design/global-styles";
import { useEffect, useState } from "react";

export type Theme = "system" | "light" | "dark";
const THEME = "kansatsu-console-theme";
const dark = matchMedia("(prefers-color-scheme: dark)");

function kept(): Theme {
  const found = localStorage.getItem(THEME);
  return found === "light" || found === "dark" ? found : "system";
}

function apply(theme: Theme): void {
  const isDark = theme === "dark" || (theme === "system" && dark.matches);
  applyMode(isDark ? Mode.Dark : Mode.Light);
  document.documentElement.classList.toggle("dark", isDark);
}

export function useTheme(): [Theme, (theme: Theme) => void] {
  const [theme, setTheme] = useState(kept);
  useEffect(() => {
    apply(theme);
    const follow = () => apply(theme);
    dark.addEventListener("change", follow);
    return () => dark.removeEventListener("change", follow);
  }, [theme]);
  return [
    theme,
    (wanted) => {
      localStorage.setItem(THEME, wanted);
      setTheme(wanted);
    },
  ];
}

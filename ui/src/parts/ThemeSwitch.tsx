// System, dark or light. `public/theme.js` sets it before the first paint.
import { useState } from "react";

const NEXT = { system: "dark", dark: "light", light: "system" } as const;
type Theme = keyof typeof NEXT;

function now(): Theme {
  const theme = document.documentElement.dataset.theme;
  return theme === "dark" || theme === "light" ? theme : "system";
}

export function ThemeSwitch() {
  const [theme, setTheme] = useState(now);
  const turn = () => {
    const next = NEXT[theme];
    try {
      if (next === "system") {
        delete document.documentElement.dataset.theme;
        localStorage.removeItem("tillsight.theme");
      } else {
        document.documentElement.dataset.theme = next;
        localStorage.setItem("tillsight.theme", next);
      }
    } catch {
      // No storage: it holds until the page is left.
    }
    setTheme(next);
  };
  return (
    <button
      type="button"
      className="icon"
      onClick={turn}
      title={`Colours: ${theme}. Press for ${NEXT[theme]}.`}
      aria-label={`Colours: ${theme}. Press for ${NEXT[theme]}.`}
    >
      <svg viewBox="0 0 24 24" width="18" height="18" aria-hidden="true">
        {theme === "light" ? (
          <path
            d="M12 8a4 4 0 1 1 0 8 4 4 0 0 1 0-8M12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.5 1.5M17.5 17.5L19 19M19 5l-1.5 1.5M6.5 17.5L5 19"
            fill="none"
            stroke="currentColor"
            strokeWidth="2"
            strokeLinecap="round"
          />
        ) : theme === "dark" ? (
          <path d="M20 14.5A8 8 0 0 1 9.5 4 8 8 0 1 0 20 14.5Z" fill="currentColor" />
        ) : (
          <>
            <circle cx="12" cy="12" r="8" fill="none" stroke="currentColor" strokeWidth="2" />
            <path d="M12 4a8 8 0 0 1 0 16Z" fill="currentColor" />
          </>
        )}
      </svg>
    </button>
  );
}

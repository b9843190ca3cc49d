// The menus at the top that everybody has: language and appearance.
import type { TopNavigationProps } from "@cloudscape-design/components/top-navigation";
import type { Language, Words } from "../i18n";
import type { Theme } from "../theme";

export function preferences(
  { t, language, setLanguage }: Words,
  [theme, setTheme]: [Theme, (theme: Theme) => void],
): TopNavigationProps.Utility[] {
  return [
    {
      type: "menu-dropdown",
      iconName: "globe",
      text: language === "ja" ? "日本語" : "English",
      ariaLabel: `${t("language")}: ${language === "ja" ? "日本語" : "English"}`,
      items: [
        { id: "en", text: "English", itemType: "checkbox", checked: language === "en", lang: "en" },
        { id: "ja", text: "日本語", itemType: "checkbox", checked: language === "ja", lang: "ja" },
      ],
      onItemClick: ({ detail }) => setLanguage(detail.id as Language),
    },
    {
      type: "menu-dropdown",
      iconName: "settings",
      ariaLabel: t("theme"),
      title: t("theme"),
      items: (["system", "light", "dark"] as const).map((id) => ({
        id,
        text: t(`theme.${id}`),
        itemType: "checkbox" as const,
        checked: theme === id,
      })),
      onItemClick: ({ detail }) => setTheme(detail.id as Theme),
    },
  ];
}

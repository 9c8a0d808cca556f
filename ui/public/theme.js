// Sets the theme before the first paint. A file of its own: the page's policy allows no inline scripts.
(() => {
  try {
    const theme = localStorage.getItem("tillsight.theme");
    if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
  } catch {
    // No storage: the system's preference holds.
  }
})();

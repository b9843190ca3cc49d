// Says so where a script of the console does not come: no other script of it may be there to do it.
addEventListener(
  "error",
  (event) => {
    if (event.target instanceof HTMLScriptElement) document.getElementById("failed").hidden = false;
  },
  true,
);

// Sign-in.
import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { Problem, send } from "../api/http";
import { meQuery } from "../api/queries";
import type { Me } from "../api/types";
import { ThemeSwitch } from "./ThemeSwitch";

export function SignIn() {
  const client = useQueryClient();
  const [busy, setBusy] = useState(false);
  const [wrong, setWrong] = useState<string | null>(null);

  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const name = String(form.get("name") ?? "").trim();
    const password = String(form.get("password") ?? "");
    if (!name || !password) {
      setWrong("Name and password, please.");
      event.currentTarget.querySelector<HTMLInputElement>(name ? "[name=password]" : "[name=name]")?.focus();
      return;
    }
    setBusy(true);
    setWrong(null);
    try {
      const me = await send<Me>("POST", "/api/v1/session", { name, password });
      client.setQueryData(meQuery.queryKey, me);
    } catch (error) {
      if (error instanceof Problem && error.status === 401) {
        setWrong("The name or the password is wrong. Passwords are set by an administrator.");
      } else if (error instanceof Problem) setWrong(`${error.title}. ${error.detail} ${error.cure}`);
      else setWrong(String(error));
      setBusy(false);
    }
  };

  return (
    <main className="alone">
      <form className="card sign-in" onSubmit={submit} noValidate aria-labelledby="sign-in-title">
        <div className="brand">
          <img src="/favicon.svg" alt="" width="32" height="32" />
          <h1 id="sign-in-title">Sign in to Tillsight</h1>
        </div>
        <label>
          Name
          {/* biome-ignore lint/a11y/noAutofocus: the page has nothing else to do */}
          <input name="name" autoComplete="username" autoCapitalize="none" required autoFocus />
        </label>
        <label>
          Password
          <input name="password" type="password" autoComplete="current-password" required />
        </label>
        <p className="wrong" role="alert">
          {wrong}
        </p>
        <button type="submit" className="button primary" disabled={busy}>
          {busy ? "Signing in…" : "Sign in"}
        </button>
      </form>
      <ThemeSwitch />
    </main>
  );
}

/** Log in. */

import { useState, type FormEvent } from "react";
import { useLogIn } from "../api/queries";
import type { Session } from "../api/types";
import { FormError } from "../parts/feedback";
import { useTitle } from "../parts/shell";

export function LoginPage({ session }: { session: Session }) {
  useTitle("Log in");
  const logIn = useLogIn();
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    logIn.mutate({ email, password });
  };
  return (
    <main className="gate">
      <h1 className="brand-large">finegym</h1>
      {session.needs_setup && (
        <p className="note">Nobody can log in yet. Open the one-time link that <code>finegym serve</code> printed when it started.</p>
      )}
      <form onSubmit={submit} className="card form">
        <label>Email
          <input type="email" name="email" autoComplete="username" required autoFocus value={email} onChange={(event) => setEmail(event.target.value)} />
        </label>
        <label>Password
          <input type="password" name="password" autoComplete="current-password" required value={password} onChange={(event) => setPassword(event.target.value)} />
        </label>
        <FormError error={logIn.error} />
        <button type="submit" className="primary" disabled={logIn.isPending}>{logIn.isPending ? "Logging in …" : "Log in"}</button>
      </form>
      <p className="faint">Forgotten? Ask your lead for a new one-time link.</p>
    </main>
  );
}

/** A one-time link: the first administrator, an invitation into a project, or a new password. */

import { useState, type FormEvent } from "react";
import { useLocation } from "wouter";
import { useAcceptInvitation, useInvitation } from "../api/queries";
import type { Invitation, Session } from "../api/types";
import { Failure, FormError, Loading } from "../parts/feedback";
import { useTitle } from "../parts/shell";

export function InvitationPage({ session }: { session: Session }) {
  useTitle("Invitation");
  const [token] = useState(() => window.location.hash.slice(1));
  const invitation = useInvitation(token);
  return (
    <main className="gate">
      <h1 className="brand-large">finegym</h1>
      {token === "" && <p role="alert" className="note">This address lacks its one-time token. Copy the whole link.</p>}
      {token !== "" && invitation.isPending && <Loading what="the invitation" />}
      {invitation.isError && <Failure error={invitation.error} />}
      {invitation.data && <AcceptForm token={token} invitation={invitation.data} session={session} />}
    </main>
  );
}

const LEADS: Record<string, string> = {
  first_admin: "Set up finegym: you will be its administrator.",
  password: "Choose a new password.",
};

function AcceptForm({ token, invitation, session }: { token: string; invitation: Invitation; session: Session }) {
  const accept = useAcceptInvitation();
  const [, navigate] = useLocation();
  const [email, setEmail] = useState(invitation.email ?? "");
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const isJoining = invitation.kind === "project" && session.person !== null;
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    const facts = isJoining ? { token } : {
      token, password, ...(email === "" ? {} : { email }), ...(name === "" ? {} : { name }),
    };
    accept.mutate(facts, { onSuccess: () => navigate("/", { replace: true }) });
  };
  const needsName = !isJoining && invitation.kind !== "password" && !invitation.person_exists;
  return (
    <form onSubmit={submit} className="card form">
      <p>{LEADS[invitation.kind] ?? <>You are invited into <strong>{invitation.project_name}</strong> as {invitation.role}.</>}</p>
      {isJoining ? <p>You are logged in as {session.person!.name}.</p> : (
        <>
          {invitation.kind !== "password" && (
            <label>Email
              <input type="email" autoComplete="username" required readOnly={invitation.email !== null} value={email} onChange={(event) => setEmail(event.target.value)} />
            </label>
          )}
          {needsName && (
            <label>Your name, as others see it
              <input autoComplete="name" required maxLength={80} value={name} onChange={(event) => setName(event.target.value)} />
            </label>
          )}
          <label>Password (at least 10 characters)
            <input type="password" autoComplete={invitation.person_exists && invitation.kind === "project" ? "current-password" : "new-password"} minLength={10} required value={password} onChange={(event) => setPassword(event.target.value)} />
          </label>
        </>
      )}
      <FormError error={accept.error} />
      <button type="submit" className="primary" disabled={accept.isPending}>{isJoining ? "Join the project" : "Continue"}</button>
    </form>
  );
}

/** The last resort: a page that broke says so, instead of going white. Unsent work is in the outbox. */

import { Component, type ReactNode } from "react";

export class Boundary extends Component<{ children: ReactNode }, { error: Error | null }> {
  override state = { error: null as Error | null };

  static getDerivedStateFromError(error: Error): { error: Error } {
    return { error };
  }

  override render(): ReactNode {
    const { error } = this.state;
    if (error === null) return this.props.children;
    return (
      <main className="gate">
        <h1 className="brand-large">finegym</h1>
        <div className="card form" role="alert">
          <p>This page broke: {error.message}</p>
          <p className="faint">Work that was not sent yet is kept in this browser, and goes out when the page is opened again.</p>
          <button type="button" className="primary" onClick={() => window.location.reload()}>Open it again</button>
        </div>
      </main>
    );
  }
}

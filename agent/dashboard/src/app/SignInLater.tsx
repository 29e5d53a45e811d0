import { lazy, Suspense, type ComponentProps } from "react";

const Form = lazy(async () => ({ default: (await import("./SignIn")).SignIn }));

/** Whoever is signed in already does not load the form and its fields. */
export function SignIn(props: ComponentProps<typeof Form>) {
  return (
    <Suspense fallback={null}>
      <Form {...props} />
    </Suspense>
  );
}

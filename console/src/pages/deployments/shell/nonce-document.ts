/**
 * The document as a terminal may use it under the content security policy: style elements carry the nonce of the page,
 * and what is written into `style` attributes goes by the object model, which the policy allows.
 */
export function nonceDocument(nonce: string): Document {
  const createElement = (name: string, options?: ElementCreationOptions): HTMLElement =>
    allowed(document.createElement(name, options), nonce);
  return new Proxy(document, {
    get(target, property) {
      if (property === "createElement") return createElement;
      const value: unknown = Reflect.get(target, property, target);
      // Methods of the document know only the real one.
      return typeof value === "function" ? value.bind(target) : value;
    },
    set: (target, property, value) => Reflect.set(target, property, value, target),
  });
}

function allowed(element: HTMLElement, nonce: string): HTMLElement {
  if (element instanceof HTMLStyleElement) element.nonce = nonce;
  const setAttribute = element.setAttribute.bind(element);
  element.setAttribute = (attribute, value) => {
    if (attribute === "style") element.style.cssText = value;
    else setAttribute(attribute, value);
  };
  // The style of the scroll bar is made by the real document, whatever the terminal is told, but put in here.
  const appendChild = element.appendChild.bind(element);
  element.appendChild = (child) => {
    if (child instanceof HTMLStyleElement) child.nonce = nonce;
    return appendChild(child);
  };
  return element;
}

/** The nonce of this page, as the build has put it there. */
export function pageNonce(): string {
  return document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? "";
}

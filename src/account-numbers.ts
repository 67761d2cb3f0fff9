const card = /(?<![\d+])\d(?:[ -]?\d){11,18}(?!\d)/g;
const iban = /(?<![A-Z0-9])[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]){11,30}(?![A-Z0-9])/g;

/** Whether a text holds what may be the number of a payment card or of a bank account (IBAN): its check digits fit. */
export function holdsAccountNumber(text: string): boolean {
  const cards = text.match(card) ?? [];
  const accounts = text.toUpperCase().match(iban) ?? [];
  return cards.some((number) => fitsLuhn(compact(number))) || accounts.some((number) => fitsIban(compact(number)));
}

const compact = (number: string): string => number.replace(/[ -]/g, "");

/** The check of ISO/IEC 7812. */
function fitsLuhn(digits: string): boolean {
  let sum = 0;
  for (const [at, digit] of [...digits].reverse().entries()) {
    const doubled = Number(digit) * (at % 2 === 0 ? 1 : 2);
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  // Numbers of one digit alone belong to nobody.
  return sum % 10 === 0 && /[1-9]/.test(digits);
}

/** The check of ISO 13616: letters count as 10 to 35, and the remainder is 1. */
function fitsIban(iban: string): boolean {
  const turned = iban.slice(4) + iban.slice(0, 4);
  let rest = 0;
  for (const digit of [...turned].map((sign) => Number.parseInt(sign, 36)).join("")) {
    rest = (rest * 10 + Number(digit)) % 97;
  }
  return rest === 1;
}

const digits = /(?<!\d)\d(?:[ -]?\d){11,18}(?!\d)/g;
const iban = /(?<![A-Z0-9])[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]){11,30}(?![A-Z0-9])/g;
const uuid = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/gi;

/** Whether a text holds what could be the number of a payment card or a bank account (IBAN): its check digits fit. */
export const holdsAccountNumber = (text: string): boolean =>
  cardNumbers(text).length > 0 || holdsIban(text.toUpperCase());

/** The same, but only what is written as such numbers are issued: others, such as times, fit by chance, too. */
export const holdsIssuedNumber = (text: string): boolean =>
  cardNumbers(text).some((number) => /^[2-6]\d{12}/.test(number)) || holdsIban(text);

function cardNumbers(text: string): string[] {
  const found = text.replace(uuid, "").match(digits) ?? [];
  return found.map(compact).filter(fitsLuhn);
}

const holdsIban = (text: string): boolean => (text.match(iban) ?? []).some((number) => fitsIban(compact(number)));

const compact = (number: string): string => number.replace(/[ -]/g, "");

/** The check of ISO/IEC 7812. */
function fitsLuhn(number: string): boolean {
  let sum = 0;
  for (const [at, digit] of [...number].reverse().entries()) {
    const doubled = Number(digit) * (at % 2 === 0 ? 1 : 2);
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  // Zeros alone belong to nobody.
  return sum % 10 === 0 && /[1-9]/.test(number);
}

/** The check of ISO 13616: letters count as 10 to 35, and the remainder is 1. */
function fitsIban(number: string): boolean {
  const turned = number.slice(4) + number.slice(0, 4);
  let rest = 0;
  for (const digit of [...turned].map((sign) => Number.parseInt(sign, 36)).join("")) {
    rest = (rest * 10 + Number(digit)) % 97;
  }
  return rest === 1;
}

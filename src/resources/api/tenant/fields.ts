import { invalidField } from "../../../errors.js";

const longestPicture = 2_048;
const longestEmail = 254;
const longestPhone = 32;

/** A name for people. */
export function checkedName(field: string, name: string): string {
  return checked(field, name, name.length >= 2 && name.length <= 64, "must be 2 to 64 characters long");
}

/** A text for people. */
export function checkedDescription(field: string, text: string): string {
  return checked(field, text, text.length <= 512, "must be at most 512 characters long");
}

/** A mail address; empty clears it. */
export function checkedEmail(field: string, email: string): string {
  const isEmail = email.length <= longestEmail && /^[^\s@<>,;]+@[^\s@<>,;]+\.[^\s@<>,;.]+$/.test(email);
  return checked(field, email, email === "" || isEmail, "must be a mail address, or empty");
}

/** A phone number; empty clears it. */
export function checkedPhone(field: string, phone: string): string {
  const isPhone = phone.length <= longestPhone && /^\+?[0-9][0-9 ()./-]+$/.test(phone);
  return checked(field, phone, phone === "" || isPhone, "must be a phone number like +49 89 123456, or empty");
}

/** The URL of a picture, which browsers of others will open; empty clears it. */
export function checkedPicture(field: string, url: string): string {
  return checked(field, url, url === "" || isHttps(url), "must be an https URL without credentials, or empty");
}

/** A value added tax number; empty clears it. */
export function checkedVat(field: string, vat: string): string {
  const isVat = /^[A-Z]{2}[0-9A-Z+*]{2,13}$/.test(vat);
  return checked(field, vat, vat === "" || isVat, "must be a VAT number with the prefix of its country, or empty");
}

function isHttps(text: string): boolean {
  if (text.length > longestPicture || !URL.canParse(text)) return false;
  const { protocol, username, password } = new URL(text);
  return protocol === "https:" && username === "" && password === "";
}

function checked(field: string, value: string, isRight: boolean, message: string): string {
  if (!isRight) throw invalidField(field, message);
  return value;
}

/** What may be shown of a payment card, as the processor says. */
export interface CardFacts {
  readonly brand: string;
  /** Two-letter ISO 3166 code. */
  readonly country: string;
  readonly expMonth: number;
  readonly expYear: number;
  readonly last4: string;
}

/** A postal address. */
export interface PostalAddress {
  readonly line1: string;
  readonly line2: string;
  readonly postalCode: string;
  readonly city: string;
  readonly state: string;
  /** Two-letter ISO 3166 code. */
  readonly country: string;
}

/** What a customer account says, as the processor needs to know it. */
export interface CustomerDetails {
  /** Login of the tenant; a processor makes one account for each. */
  readonly tenant: string;
  /** Id of the account; undefined before there is one. */
  readonly id: string | undefined;
  readonly name: string;
  readonly email: string;
  readonly phoneNumber: string;
  readonly vat: string;
  readonly address: PostalAddress | null;
  /** The payment method to use from now on; undefined leaves it as it is. */
  readonly paymentMethodId: string | undefined;
  /** What the caller says of the card; processors that know better leave it aside. */
  readonly card: CardFacts | undefined;
}

/** A customer account as it stands at the processor. */
export interface CustomerAccount {
  /** 18 characters. */
  readonly id: string;
  /** Empty when there is none. */
  readonly subscriptionId: string;
  readonly paymentMethodId: string | null;
  readonly card: CardFacts | null;
}

/** A coupon that the customer was granted. */
export interface GrantedCoupon {
  /** Uuid of the grant: the idempotency key. */
  readonly id: string;
  readonly name: string;
  /** Minor units, above 0: its worth, less what invoices of another processor took. */
  readonly amount: bigint;
  readonly currency: string;
  readonly grantedAt: Date;
  /** What is left then is gone. */
  readonly expiresAt: Date;
}

/** Credit that the customer was given. */
export interface GivenBalance {
  /** Uuid of the entry in the book of credit: the idempotency key. */
  readonly id: string;
  /** Minor units, above 0: what was given, less what invoices of another processor took. */
  readonly amount: bigint;
  readonly currency: string;
  readonly at: Date;
}

/** A discount on the customer's use: either `amountOff` or `basisPointsOff` is set. */
export interface AppliedDiscount {
  /** Its uuid: the idempotency key. */
  readonly id: string;
  readonly name: string;
  /** Minor units in each billing period. */
  readonly amountOff: bigint | null;
  /** Hundredths of a percent. */
  readonly basisPointsOff: number | null;
}

/** All that a processor may have to hear of a customer, as it stood at one moment. */
export interface CustomerBook {
  /** As it was last saved: `id` is that of the account, and the payment method and card are left as they are. */
  readonly details: CustomerDetails & { readonly id: string };
  readonly subscriptionId: string;
  readonly currency: string;
  /** All that were ever granted, the oldest first, but for those that invoices of another processor used up. */
  readonly coupons: readonly GrantedCoupon[];
  /** All that was ever given, the oldest first, likewise; not what invoices of this processor took. */
  readonly balances: readonly GivenBalance[];
  /** Those that apply now, in their order. */
  readonly discounts: readonly AppliedDiscount[];
}

/** What a browser needs to set up a payment method. */
export interface PaymentSetup {
  readonly clientSecret: string;
  readonly publishableKey: string;
}

/**
 * Who collects the money. What is used, granted and owed stands in Slipway's own books, whichever it is; a processor
 * holds the accounts and payment methods and is told the rest by jobs, so that it may be away. Each call bears
 * repetition and has a deadline; a processor that cannot be reached is DomainError "unavailable".
 */
export interface Processor {
  readonly name: "ledger" | "stripe";
  /** Whether it collects invoices itself, so that nobody else records their payment. */
  readonly collects: boolean;
  /** Makes the tenant's account or changes it. Throws "invalid" for what the processor refuses, such as a payment method of somebody else. */
  saveCustomer(details: CustomerDetails, signal?: AbortSignal): Promise<CustomerAccount>;
  /** Removes the payment method of an account. */
  removePaymentMethod(account: Pick<CustomerAccount, "id" | "paymentMethodId">, signal?: AbortSignal): Promise<void>;
  /** Begins to set up a payment method; throws "precondition" with a processor that needs no setup. */
  startSetup(account: Pick<CustomerAccount, "id">, signal?: AbortSignal): Promise<PaymentSetup>;
  /**
   * Makes the processor's copy of a customer what the book says; called by the job payment.sync after each change of
   * it. Answers the account as it is then. Undefined with a processor that keeps no copy.
   */
  readonly sync: ((book: CustomerBook, signal: AbortSignal) => Promise<CustomerAccount>) | undefined;
  /** Throws DomainError "unavailable" unless the processor answers; undefined when it is nowhere else. */
  readonly ping: ((signal: AbortSignal) => Promise<void>) | undefined;
}

/** What a member reads when they tap while the origin is away. The bot's other words are at the origin. */
const BACK_IN_A_MOMENT: Record<string, string> = {
  en: "MeetsMatch is back in a moment. Your tap is kept and will be done then.",
  es: "MeetsMatch vuelve en un momento. Tu toque está guardado y se hará entonces.",
  ru: "MeetsMatch вернётся через минуту. Твоё нажатие сохранено и сработает позже.",
};

export function backInAMoment(language: string): string {
  return BACK_IN_A_MOMENT[language] ?? BACK_IN_A_MOMENT["en"]!;
}

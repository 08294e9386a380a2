r"""What models say of options: `B is correct`, `not A`, `so C`, `选B`, in the common languages. Data and patterns only.

`LANGUAGES` is the table: to add a language, add a row. A word may be a pattern; between two of them is `|`.
"""

import re
from typing import NamedTuple

from evalrun.score.marks import LANGUAGES as ANSWERS


class VerdictWords(NamedTuple):
    """How a language speaks of options.

    option: what they are called. right, wrong: what is said of one, before or after it. pick: verbs of choosing, and
    what leads to a choice. so: what comes right before the one that is concluded. denies: what comes before one that
    is not meant. is_: the verb between an option and what is said of it. joins: and, or. turns: where somebody changes
    their mind. unless, maybe: what makes it a supposition. others: whose opinion it is otherwise. none: no option, or
    no answer, on purpose.
    """

    option: str = ""
    right: str = ""
    wrong: str = ""
    pick: str = ""
    so: str = ""
    denies: str = ""
    is_: str = ""
    joins: str = ""
    turns: str = ""
    unless: str = ""
    maybe: str = ""
    others: str = ""
    none: str = ""


LANGUAGES: dict[str, VerdictWords] = {
    "English": VerdictWords(
        option="options?|choices?|alternatives?|letters?|answers?|statements?|cases?",
        right="correct|right|true|best|accurate|valid|yes|works?|fits?|matches|holds|appropriate|better|strongest|"
        "most likely|it|the (?:one|answer)|what (?:i|we)(?:'d| would| will)? (?:choose|pick|select)",
        wrong="incorrect|wrong|false|not|invalid|no|out|eliminated|excluded|impossible|unlikely|cannot|can't|doesn't|"
        "does not|don't|do not|isn't|aren't|wasn't|won't|fails?|ruled out|inaccurate|irrelevant",
        pick="choose|chose|choosing|pick|picked|select|selected|selecting|go(?:ing)? with|opt(?:ing)? for|vote for|"
        "settle on|correct|best|right|leaves|leaving|corresponds? to|corresponding to|matches|"
        "my (?:guess|choice|pick)|conclude|lean(?:ing)? towards?",
        so="so|thus|hence|therefore|then|only|it's|it is|that's|that is|which is|that would be|would be|must be|"
        "should be|has to be|i'd say|i say|is|are|be|say|i mean|i meant|namely|simply|just|final",
        denies="not|n't|never|neither|nor|rather than|instead of|over|eliminate|exclude|rule out|ruling out|ruled out|"
        "reject|discard|except|without|wrong|incorrect|false|than|unlike|against|eliminating|excluding",
        is_="is|are|was|would be|seems?|looks?|appears?(?: to be)?|must be|has to be|should be",
        joins="and|or|nor|and/or|as well as",
        turns="wait|hold on|actually|correction|on (?:second thought|reflection)|sorry|i meant|scratch that|"
        "let me (?:re|double|check)\\w*|oops|my mistake|i made (?:a|an) \\w+|hmm+|reconsidering|"
        "upon (?:reflection|review|further)",
        unless="if|suppose|supposing|assume|assuming|were|unless|whether",
        others="many|most people|most students|some|others|people|students|someone|the user|another model",
        maybe="could|may|might|possibly|perhaps|maybe|torn between|between|either",
        none="none|n/a|refuse|decline|unanswerable|none of (?:the|these|them|those)|"
        "no (?:correct|right) (?:answer|option|choice)|(?:do not|don't) know|"
        "(?:cannot|can't|unable to|not able to|won't) (?:\\w+ )?"
        "(?:answer|help|assist|determine|provide|choose|decide|comply)|"
        "not enough information|insufficient information|i'm sorry|i am sorry|no answer|not sure|"
        "all (?:of the |the |four |of these )?options are (?:wrong|incorrect)",
    ),
    "German": VerdictWords(
        option="option(?:en)?|antwort(?:en|möglichkeit)?|möglichkeit|buchstabe|aussage|lösung",
        right="richtig(?:e)?|korrekt(?:e)?|wahr|zutreffend|stimmt|passt|am besten",
        wrong="falsch|nicht|unmöglich|scheide(?:n|t)|ausgeschlossen|inkorrekt|entfällt|entfallen",
        pick="wähle|nehme|entscheide mich für|richtig(?:e)?|korrekt(?:e)?|bleibt|lösung",
        so="also|daher|somit|folglich|deshalb|es ist|ist|lautet|nur|das ist|wäre|sondern|muss",
        denies="nicht|kein(?:e|er|en)?|statt|anstatt|weder|noch|außer|ohne",
        is_="ist|sind|wäre|scheint|dürfte|muss|kann",
        joins="und|oder|sowie",
        turns="moment|halt|korrektur|doch nicht|eigentlich|nochmal",
        unless="wenn|falls|angenommen|ob",
        others="viele|manche|einige|die meisten",
        maybe="vielleicht|könnte|möglicherweise|entweder|zwischen",
        none="keine (?:der|von)|weiß (?:es |ich )?(?:es )?nicht|"
        "kann (?:\\w+ ){0,3}nicht (?:beantworten|bestimmen|helfen|beurteilen)|tut mir leid|"
        "nicht genug informationen",
    ),
    "French": VerdictWords(
        option="options?|réponses?|choix|propositions?|lettres?|affirmations?",
        right="correcte?s?|justes?|exacte?s?|vraie?s?|bonnes?|convient",
        wrong="fausse?s?|faux|incorrecte?s?|pas|ne|n'est|inexacte?s?|impossible",
        pick="choisis|bonnes?|correcte?s?|retiens|opte pour|juste|reste|choisir",
        so="donc|ainsi|alors|c'est|est|serait|seule?|sont|la|le",
        denies="pas|ni|sauf|plutôt que|au lieu de|non|élimine",
        is_="est|sont|serait|semble|paraît|peut être",
        joins="et|ou|ni|ainsi que",
        turns="attendez|attends|en fait|correction|en réalité|finalement",
        unless="si|supposons",
        others="certains|beaucoup|on pourrait",
        maybe="peut-être|pourrait|soit|entre",
        none="aucune? (?:des|de)|ne sais pas|(?:ne )?peux pas (?:répondre|aider|déterminer)|désolée?|"
        "pas assez d'informations",
    ),
    "Spanish, Catalan, Portuguese, Galician": VerdictWords(
        option="opción|opciones|respuestas?|alternativas?|letras?|inciso|literal|opção|opções|respostas?|afirmação|"
        "opció|item|afirmación|opcion|opcao",
        right="correct[ao]s?|cert[ao]s?|verdader[ao]s?|verdadeir[ao]s?|adecuad[ao]|adequad[ao]|válid[ao]|mejor|melhor|"
        "correcte",
        wrong="incorrect[ao]s?|incorret[ao]s?|fals[ao]s?|errad[ao]s?|erróne[ao]s?|no|não|nao|imposible|impossível|"
        "descartad[ao]s?",
        pick="elijo|escojo|selecciono|elegir|correct[ao]|corret[ao]|escolho|seleciono|opto por|queda|resta|fica|marco|"
        "marcar",
        so="por (?:lo )?tanto|así que|entonces|es|son|sería|sólo|solo|portanto|logo|então|é|seria|apenas|só|la|el|sino|"
        "mas|sim|a|o",
        denies="no|não|nao|ni|nem|excepto|exceto|en vez de|en lugar de|em vez de|descarto|salvo|nunca",
        is_="es|son|é|são|está|están|estão|parece|parecen|sería|seria|puede ser|pode ser|és",
        joins="y|e|o|u|ou|i|y/o|e/ou|ni|nem",
        turns="espera|esperen|en realidad|corrección|mejor dicho|pensándolo|na verdade|correção|espere|aliás|"
        "pensando bem",
        unless="si|se|supongamos|suponha",
        others="muchos|algunos|alguien|muitos|alguns|alguém",
        maybe="quizás?|tal vez|podría|talvez|poderia|pode ser|puede ser|entre",
        none="ninguna? de|nenhuma? d[aoe]s?|no (?:lo )?sé|não sei|no puedo|não posso|lo siento|desculpe|sinto muito|"
        "no hay suficiente|não há informaç",
    ),
    "Portuguese": VerdictWords(right="corret[ao]s?", wrong="incorret[ao]s?"),
    "Italian": VerdictWords(
        option="opzion[ei]|rispost[ae]|alternativ[ae]|letter[ae]|affermazion[ei]|scelt[ae]",
        right="corrett[aoe]|giust[aoe]|ver[aoe]|esatt[aoe]|miglior[ei]|valid[aoe]",
        wrong="errat[aoe]|sbagliat[aoe]|scorrett[aoe]|fals[aoe]|non|impossibile",
        pick="scelgo|seleziono|corrett[aoe]|giust[aoe]|opto per|resta|rimane|scegliere",
        so="quindi|dunque|pertanto|perciò|è|sono|sarebbe|solo|bensì|ma|la|il",
        denies="non|né|tranne|invece di|anziché|escludo|salvo",
        is_="è|sono|sarebbe|sembra|può essere",
        joins="e|o|ed|oppure|né|od",
        turns="aspetta|anzi|in realtà|correzione|ripensandoci",
        unless="se|supponiamo",
        others="molti|alcuni|qualcuno",
        maybe="forse|potrebbe|tra",
        none="nessun[ao]? (?:del|di)|non (?:lo )?so|non posso|mi dispiace",
    ),
    "Dutch, Swedish, Danish, Norwegian": VerdictWords(
        option="opties?|antwoord(?:en)?|keuze|stelling|alternativ(?:et)?|svar(?:et)?|mulighed|alternativer",
        right="juist|correct|goed|waar|klopt|rätt|rätta|korrekt|rigtig(?:e)?|riktig(?:e)?|sant|sandt|stämmer|passt",
        wrong="onjuist|fout|niet|incorrect|verkeerd|fel|inte|forkert|ikke|feil|falskt|usant|felaktig",
        pick="kies|juiste|correcte|blijft over|kiezen|väljer|rätt|vælger|velger|riktige|rigtige|goede",
        so="dus|daarom|is|alleen|maar|het is|alltså|är|därför|så|altså|er|derfor|bara|kun",
        denies="niet|geen|in plaats van|behalve|inte|ikke|utom|undtagen",
        is_="is|zijn|lijkt|är|er|verkar|synes|kan",
        joins="en|of|och|eller|og",
        turns="wacht|eigenlijk|correctie|vänta|egentligen|vent|faktisk|rättelse",
        unless="als|indien|om|hvis",
        maybe="misschien|kanske|måske|kanskje|kan",
        none="geen van|weet (?:ik )?(?:het )?niet|kan (?:\\w+ ){0,3}niet|ingen av|vet inte|ved ikke|vet ikke|"
        "het spijt me",
    ),
    "Russian, Ukrainian, Bulgarian, Serbian": VerdictWords(
        option="вариант\\w{0,2}|ответ\\w{0,3}|букв\\w|пункт\\w{0,2}|утвержден\\w{1,2}|варіант\\w{0,2}|відповід\\w{1,2}|"
        "отговор\\w{0,2}|опци\\w",
        right="верн\\w{1,3}|правильн\\w{1,3}|верен|прав|подходит|истинн\\w{1,2}|лучш\\w{2}|вірн\\w{1,2}|"
        "правилн\\w{1,3}|правилен|точан|тачан",
        wrong="неверн\\w{1,3}|неправильн\\w{1,3}|не|ошибочн\\w{1,2}|ложн\\w{1,2}|исключа\\w{2,4}|невірн\\w{1,2}|"
        "грешн\\w{1,2}|нетачан|неверен",
        pick="выбираю|выберу|верн\\w{1,3}|правильн\\w{1,3}|остаётся|остается|обираю|избирам|выбрать|правилн\\w{1,3}|"
        "бирам",
        so="значит|следовательно|поэтому|это|только|итак|таким образом|отже|тому|це|лише|следователно|е|а|будет|—|-|–|"
        "то",
        denies="не|ни|кроме|вместо|а не|нельзя|ні|крім|замість|освен|није",
        is_="является|это|будет|кажется|есть|є|е|—|-|–|также|тоже|быть",
        joins="и|или|либо|також|та|або|й|а также|или же",
        turns="стоп|подождите|подожди|на самом деле|поправка|точнее|исправ\\w+|ошибся|зачекай|насправді|чекай|всъщност",
        unless="если|предположим|якщо|ако",
        others="многие|некоторые|кто-то",
        maybe="возможно|может быть|может|можливо|между",
        none="ни один|ни одного|не знаю|не могу|не можу|жоден|нет правильного|недостаточно|к сожалению|извините|"
        "нито един",
    ),
    "Polish, Czech, Slovak": VerdictWords(
        option="opcj[aęi]|odpowied[źz]\\w{0,2}|wariant|liter[aę]|możnoś\\w+|možnost\\w{0,2}|odpověď|odpoveď|písmeno|"
        "stwierdzenie",
        right="poprawn[aey]|prawidłow[aey]|prawdziw[aey]|właściw[aey]|správn[áéýě]|pravdiv[áéý]|pasuje|platí",
        wrong="niepoprawn[aey]|nieprawidłow[aey]|błędn[aey]|fałszyw[aey]|nie|nesprávn[áéý]|chybn[áéý]|není|nie je|"
        "neplatí",
        pick="wybieram|poprawn[aąey]|prawidłow[aąey]|pozostaje|volím|vyberu|správn[áéýě]|zbývá|zostáva|vybírám",
        so="więc|zatem|to|jest|tylko|czyli|lecz|ale|proto|tedy|takže|je|pouze|teda",
        denies="nie|oprócz|zamiast|ani|ne|kromě|místo|není",
        is_="jest|są|to|wydaje się|je|jsou|sú",
        joins="i|oraz|lub|albo|a|nebo|či|alebo|ani",
        turns="chwila|czekaj|właściwie|poprawka|jednak|počkej|vlastně|oprava",
        unless="jeśli|jeżeli|gdyby|pokud|kdyby|ak",
        maybe="może|możliwe|możná|snad",
        none="żadn[aey] z|nie wiem|nie mogę|žádn[áéý]|nevím|nemohu|przykro mi|neviem",
    ),
    "Turkish": VerdictWords(
        option="seçenek|seçeneği|şık|şıkkı|cevap|yanıt|seçeneğidir|şıkkıdır",
        right="doğru|doğrudur|doğrusu|uygun",
        wrong="yanlış|yanlıştır|değil|değildir|olamaz|hatalı",
        pick="seçiyorum|seçerim|doğru|kalır|kalan",
        so="yani|o halde|bu nedenle|dolayısıyla|sadece|öyleyse|bu yüzden|demek ki",
        is_="seçeneği|şıkkı",
        joins="ve|veya|ya da|ile",
        turns="bekle|aslında|düzeltme|pardon|dur",
        unless="eğer|diyelim",
        maybe="belki|olabilir",
        none="hiçbiri|bilmiyorum|cevap veremem|yanıt veremem|üzgünüm",
    ),
    "Vietnamese, Indonesian, Malay": VerdictWords(
        option="đáp án|phương án|lựa chọn|câu trả lời|ý|jawaban|pilihan|opsi|jawapan|huruf",
        right="đúng|chính xác|phù hợp|benar|betul|tepat|sesuai",
        wrong="sai|không|salah|bukan|tidak|tak",
        pick="chọn|đúng|memilih|pilih|benar|tepat|tersisa|còn lại",
        so="vậy|do đó|là|nên|vì vậy|chỉ|jadi|maka|adalah|ialah|hanya|yaitu|oleh karena itu|melainkan|mà",
        denies="không phải|không|bukan|tidak|trừ|kecuali|selain|chứ không phải",
        is_="là|adalah|ialah|cũng|juga",
        joins="và|hoặc|hay|dan|atau",
        turns="khoan|thực ra|đợi đã|tunggu|sebenarnya|koreksi|ralat",
        unless="nếu|jika|kalau|giả sử",
        maybe="có thể|có lẽ|mungkin|barangkali",
        none="không có (?:đáp án|phương án)|không biết|tôi không thể|tidak tahu|tidak ada|tidak bisa|maaf|xin lỗi",
    ),
    "Chinese": VerdictWords(
        option="选项|選項|答案|项|項|项目|个选项",
        right="正确|正確|对|對|是对的|符合|最佳|成立|最合适|最符合|为真|√",
        wrong="错误|錯誤|错|錯|不正确|不正確|不|非|排除|有误|有誤|不成立|×",
        pick="选择|選擇|应选|應選|故选|故選|选|選|正确|正確|剩下",
        so="所以|因此|故|即|是|为|為|就是|应为|應為|只有|应该是|應該是|而是",
        denies="不是|不选|不選|并非|並非|排除|不能选|非|不应选|除了",
        is_="是|为|為|也|都|均|是最|才是|显然|明显|也是",
        joins="和|与|與|或|或者|及|、|以及|还是|還是",
        turns="等等|不对|不對|更正|重新|其实|其實|修正|仔细想想",
        unless="如果|假设|假設|若|假如",
        others="有人|很多人|许多人|有些人|有的人",
        maybe="可能|也许|也許|或许",
        none="以上都不|都不(?:对|對|正确|正確)|没有正确|沒有正確|不知道|无法(?:回答|确定|判断)|無法(?:回答|確定|判斷)|抱歉|不清楚",
    ),
    "Japanese": VerdictWords(
        option="選択肢|答え|正解|解答|番",
        right="正しい|正解|適切|正しく|当てはまる|合って|妥当|最適",
        wrong="誤り|間違|正しくな|不正解|不適切|違|ではない|でない|ではありません|じゃない|ではなく|じゃなく|でなく|除外|当てはまらな",
        pick="選ぶ|選び|正しい|正解|残る|適切な",
        so="よって|したがって|ゆえに|つまり|だから|は|が|従って|なので",
        is_="は|が|も|の方が|のほうが|が最も|は明らかに",
        joins="と|や|か|または|もしくは|あるいは|及び|および",
        turns="待って|いや|訂正|やはり|実は|間違えました",
        unless="もし|仮に",
        others="多くの人|一部の人",
        maybe="かもしれ|おそらく",
        none="わかりません|分かりません|できません|該当なし|正解はありません|どれも|申し訳",
    ),
    "Korean": VerdictWords(
        option="선택지|보기|정답|답|번|항",
        right="정답|맞|옳|올바|적절|정확",
        wrong="틀|오답|아니|아닙|잘못|부적절|제외|옳지 않|맞지 않|불가능",
        pick="선택|고르|정답|남는|옳은|올바른",
        so="따라서|그러므로|즉|그래서|결국|답은|은|는|이|가",
        is_="은|는|이|가|도|번은|번이|번도",
        joins="와|과|또는|및|혹은|이나|나",
        turns="잠깐|아니|다시|정정|사실",
        unless="만약|만일",
        others="많은 사람|어떤 사람",
        maybe="아마|일 수도",
        none="모르겠|알 수 없|없습니다|답할 수 없|죄송",
    ),
    "Arabic, Persian, Hebrew": VerdictWords(
        option="الخيار|الإجابة|الجواب|الاختيار|الحرف|گزینه|پاسخ|התשובה|אפשרות|תשובה",
        right="صحيح|صحيحة|الصحيح|الصحيحة|صواب|درست|صحیح|נכונה|נכון|הנכונה",
        wrong="خطأ|خاطئ|خاطئة|غير صحيح|ليس|ليست|غلط|نادرست|نیست|שגויה|לא|שגוי",
        pick="أختار|اختر|الصحيح|الصحيحة|انتخاب|בוחר|הנכונה",
        so="إذن|لذلك|هو|هي|لذا|פשוט|לכן|היא|הוא|پس|بنابراین|فقط",
        denies="ليس|ليست|لا|نه|לא|אינה|אינו|איננה|איננו",
        is_="هو|هي|היא|הוא",
        joins="و|أو|یا|או",
        turns="انتظر|تصحيح|في الواقع|صبر کن|רגע|בעצם",
        unless="إذا|لو|اگر|אם",
        maybe="ربما|قد|شاید|אולי",
        none="لا أعرف|لا أستطيع|لا شيء|هیچ|نمی‌دانم|לא יודע|אף אחת|عذرا|آسف",
    ),
    "Greek": VerdictWords(
        option="επιλογή|απάντηση|γράμμα",
        right="σωστ[ήόά]|ορθ[ήόά]|αληθ(?:ής|ές)",
        wrong="λάθος|λανθασμέν[ηοα]|δεν|εσφαλμέν[ηοα]",
        pick="επιλέγω|διαλέγω|σωστ[ήόά]",
        so="άρα|επομένως|συνεπώς|είναι|μόνο|η|το",
        denies="δεν είναι|όχι|δεν|εκτός",
        is_="είναι|φαίνεται",
        joins="και|ή",
        turns="περίμενε|διόρθωση|στην πραγματικότητα",
        unless="αν|εάν",
        maybe="ίσως|μπορεί",
        none="κανένα|καμία|δεν ξέρω|δεν μπορώ|λυπάμαι",
    ),
    "Thai": VerdictWords(
        option="ข้อ|ตัวเลือก|คำตอบ",
        right="ถูก|ถูกต้อง",
        wrong="ผิด|ไม่|ไม่ถูก|ไม่ใช่",
        pick="เลือก|ตอบ|ถูกต้องคือ",
        so="ดังนั้น|คือ|จึง",
        denies="ไม่ใช่|ไม่เลือก|ยกเว้น|ไม่",
        is_="คือ|เป็น|นั้น",
        joins="และ|หรือ|กับ",
        turns="เดี๋ยว|จริงๆ แล้ว|แก้ไข",
        unless="ถ้า|หาก",
        maybe="อาจ|บางที",
        none="ไม่ทราบ|ไม่มีข้อใด|ไม่สามารถ|ขออภัย",
    ),
    "Hindi, Bengali, Urdu": VerdictWords(
        option="विकल्प|उत्तर|जवाब|বিকল্প|উত্তর|جواب",
        right="सही|उचित|सत्य|সঠিক|درست|صحیح",
        wrong="गलत|ग़लत|नहीं|असत्य|ভুল|নয়|غلط|نہیں",
        pick="चुनता|चुनूंगा|चुनते|सही|সঠিক|বেছে",
        so="इसलिए|अतः|यानी|केवल|তাই|সুতরাং|لہذا",
        is_="है|हैं|भी|ہے",
        joins="और|या|এবং|অথবা|বা|اور|یا",
        turns="रुको|वास्तव में|সংশোধন|আসলে",
        unless="यदि|अगर|যদি|اگر",
        maybe="शायद|হয়তো|شاید",
        none="कोई नहीं|नहीं पता|उत्तर नहीं दे|জানি না|কোনোটিই|معلوم نہیں|क्षमा करें",
    ),
}  # fmt: skip


_SPACED = re.compile(r"[\u0000-\u04ff]+")  # Latin, Greek, Cyrillic: words with a space around them


def _either(*fields: str) -> str:
    """Return a pattern for any word of these fields, in any language, the longest first."""
    every = {word for row in LANGUAGES.values() for field in fields for word in _split(getattr(row, field)) if word}
    spaced = sorted((word for word in every if _SPACED.fullmatch(word)), key=len, reverse=True)
    others = sorted((word for word in every if not _SPACED.fullmatch(word)), key=len, reverse=True)
    return rf"(?:(?<!\w)(?:{'|'.join(spaced)})(?!\w)|{'|'.join(others)})"


def _split(words: str) -> list[str]:
    """Split at the `|` outside parentheses."""
    return re.split(r"\|(?![^()]*\))", words)


_NOUNS = "|".join(sorted((noun for row in ANSWERS.values() for noun in row.nouns.split("|")), key=len, reverse=True))
_OPTION, _IS, _RIGHT, _WRONG = _either("option"), _either("is_"), _either("right"), _either("wrong")
_QUOTES = r"[\s(\[\"'`*«“]*"
_FILLER = (
    r"(?:\s*(?:choose|pick|select|là|คือ|ข้อ|η|το|היא|הוא"
    r"|the|that|think|believe|say|it's|it is|that's|be|to|an?|option|options|answer|choice|letter|can|is|as|ist"
    r"|die|der|das|la|le|el|les|los|las|es|est|é|è|l'|it|all|both|либо|вариант|ответ|选|是|选项))"
)

_SO, _UNLESS, _MAYBE, _JOINS = _either("so"), _either("unless"), _either("maybe"), _either("joins")
_OTHERS = _either("others")
ANNOUNCED = re.compile(rf"(?:{_NOUNS}|{_either('pick')})", re.IGNORECASE)
"""In the words before an option: it is the answer."""
CONCLUDED = re.compile(
    rf"(?:{_either('so')}\s*,?\s*(?:{_OPTION})?\s*[:=]?|{_OPTION}\s*[:=]|[:=→⇒]){_QUOTES}$", re.IGNORECASE
)
"""Right before an option: it is what follows."""
CALLED = re.compile(rf"{_OPTION}\s*(?:#|№|n[o°]\.?)?\s*{_QUOTES}$", re.IGNORECASE)
"""Right before an option: it is an option and no other letter."""
DENIED = re.compile(rf"(?:{_either('denies')}|n['’]t){_FILLER}{{0,3}}{_QUOTES}$", re.IGNORECASE)
SUPPOSED = re.compile(
    rf"(?:{_UNLESS}(?:\s\w{{1,9}}){{0,2}}|(?:{_MAYBE}|{_OTHERS})(?:\s\w{{1,9}}){{0,5}})\s*(?:{_OPTION})?{_QUOTES}$",
    re.IGNORECASE,
)
"""Before an option: it is only supposed, or possible, or what others say."""

_AFTER = rf"^[)\]\"'`*»”.]*\s*(?:{_OPTION})?\s*[\"'*)]*\s*"
_ADVERB = (
    r"(?:\s*(?:more|also|clearly|therefore|thus|then|definitely|all|both|indeed|the|most|a|auch|eindeutig|die|der|la|le|el"
    r"|più|más|mais|il|o|a|també))"
)
IS_THE_ANSWER = re.compile(rf"{_AFTER}{_IS}{_ADVERB}{{0,3}}\s*(?:{_RIGHT}\s+)?(?:{_NOUNS}|{_OPTION})", re.IGNORECASE)
"""Right after an option: it is the answer."""
IS_RIGHT = re.compile(rf"{_AFTER}(?:{_IS}|[:,—–-])?{_ADVERB}{{0,3}}\s*{_RIGHT}", re.IGNORECASE)
IS_WRONG = re.compile(rf"{_AFTER}(?:{_IS}|[:—–-])?{_ADVERB}{{0,3}}\s*{_WRONG}", re.IGNORECASE)
JOINED = re.compile(
    rf"^[)\]\"'`*.]*\s*(?:{_OPTION})?\s*(?:[,/&+、]\s*(?:{_JOINS})?|{_JOINS})\s*(?:{_MAYBE})?\s*(?:{_OPTION})?{_QUOTES}$",
    re.IGNORECASE,
)
"""Between two options: `A and B`."""
TURNED = re.compile(rf"{_either('turns')}", re.IGNORECASE)
REFUSED = re.compile(rf"{_either('none')}", re.IGNORECASE)
_REASONS = r"because|since|as|for|with|gives?|has|in|then|only|weil|da|car|parce|porque|pues|perché|poiché|потому|так"
_REASONS += r"|ponieważ|çünkü|omdat|want|vì"
MAY_FOLLOW = re.compile(rf"^\s+(?:{_IS}|{_JOINS}|{_RIGHT}|{_WRONG}|{_REASONS})(?!\w)", re.IGNORECASE)
"""After a letter that is a word as well: it is the letter, `A is`, not `A good`."""

_YES = (
    r"correct|right|true|yes|fits|works|matches|✓|✔|✅|☑|richtig|korrekt|juste|vrai|correct[ao]|corret[ao]|certo|giusto"
    r"|верно|правильно|doğru|poprawn[aey]|đúng|正确|正確|正しい|正解|맞|옳|صحيح|सही"
)
_NO = (
    r"incorrect|wrong|false|no|not (?:\w+ )?(?:correct|right|true|possible|relevant|applicable|the case)|✗|✘|❌|×"
    r"|falsch|faux|incorrect[ao]|incorret[ao]|fals[ao]|errad[ao]|errat[ao]|неверно|неправильно|yanlış|błędn[aey]|sai"
    r"|错误|錯誤|不正确|誤り|間違い|틀|오답|خطأ|गलत|eliminated|ruled out"
)
ITEM = re.compile(rf"(?P<wrong>(?<!\w)(?:{_NO})(?![a-z]))|(?P<right>(?<!\w)(?:{_YES})(?![a-z]))", re.IGNORECASE)
"""What a line says of the option that it is about."""

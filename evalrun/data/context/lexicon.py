"""The words that prompts are made of. Within a list all words are equally long, so that all lines of a kind are.

They are common words, each one token in most tokenizers, so that lines differ little in tokens either.
"""

ADJECTIVES = tuple(  # five letters
    str.split("""
    angry large small young early local major final quick quiet sharp short sweet thick tight tough white black
    brown green happy heavy light lucky muddy noble plain proud rapid rough round royal salty sandy shiny silly
    smart solid spicy steep stiff sunny swift tired vague valid vivid vital weary weird whole windy wrong dusty
    dirty dense crazy crisp cruel daily eager elite empty equal exact extra faint false fancy fixed fresh front
    funny giant grand great grave gross harsh human humid ideal inner outer upper lower loose loyal legal level
    messy minor mixed moral naval noisy novel older prime ready right rigid rural urban scary sheer spare usual
    utter civil clean clear close cheap chief basic blank blind brave brief broad acute adult alert alike alive
    alone ample aware awful handy juicy lunar solar naive olive polar petty smoky snowy toxic vocal
    """)
)
NOUNS = tuple(  # six letters
    str.split("""
    animal artist branch bridge bucket button camera carbon castle center church circle column course credit doctor
    driver editor engine expert factor family father figure finger flight flower forest friend health leader league
    letter liquid market master matrix medium member memory method minute moment mother motion museum nation nature
    object office orange origin packet parent people period person phrase planet player policy powder profit record
    region report result review sample school screen script season series shield signal source speech spirit spring
    square stable stream street string summer survey switch symbol system target tenant theory thread travel vision
    volume wallet wealth weight window winner winter worker writer
    """)
)
VERBS = tuple(  # six letters, past
    str.split("""
    opened closed passed turned helped joined lifted washed pulled pushed marked locked linked listed loaded missed
    needed picked played posted rented rested served signed sorted stored tested tasted traced traded united valued
    viewed warned wanted wasted copied carved chased coated cooked edited erased filled filmed folded forced formed
    framed funded graded guided heated hunted judged kicked landed leased mapped melted merged packed parked poured
    proved quoted ranked rolled rubbed scared sealed seized shared shaped showed soaked solved spared staged tapped
    tossed tucked
    """)
)
PREPOSITIONS = ("near", "over", "past", "from", "with", "upon")  # four letters
NAMES = tuple(  # five letters
    str.split("""
    Aaron Alice Bella Brian Clara David Diana Diego Edgar Emily Ethan Frank Grace Henry Helen Jacob James Jason
    Julia Karen Kevin Laura Linda Lucas Maria Marco Mason Nancy Naomi Oscar Peter Ralph Robin Roger Sarah Simon
    Sofia Susan Terry Wayne Wendy
    """)
)
RELATIONS = ("doctor", "lawyer", "cousin", "friend", "tenant", "mentor", "editor", "driver", "sister")  # six letters
FORMATS = ("story", "essay", "verse", "drama", "rhyme", "quote", "lyric")  # five letters: kinds of text

"""Frequent names, from which made-up children and guardians are named at random."""

from dataclasses import dataclass

from services.contracts.vocabulary import Sex


@dataclass(frozen=True, slots=True)
class Names:
    """The names of one language; surnames and fathers' names in the form for men."""

    surnames: tuple[str, ...]
    boys: tuple[str, ...]
    girls: tuple[str, ...]
    mothers: tuple[str, ...]
    fathers: tuple[str, ...]
    son: str
    daughter: str

    def given(self, sex: Sex) -> tuple[str, ...]:
        return self.boys if sex is Sex.MALE else self.girls

    def full_name(self, surname: str, given: str, father: str, sex: Sex) -> str:
        """Surname, given name and patronymic, in the forms for `sex`."""
        male = sex is Sex.MALE
        return f"{surname}{'' if male else 'а'} {given} {father}{self.son if male else self.daughter}"


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


KAZAKH = Names(
    surnames=_words("Ахметов Омаров Оспанов Сәрсенов Қасымов Әлиев Ибраев Сейітов Жұмабаев Нұрғалиев Байжанов"),
    boys=_words("Алихан Нұрислам Ерасыл Айсұлтан Мансұр Әлинұр Санжар Дамир Тимур Бекзат Арсен Ислам Рамазан Диас"),
    girls=_words("Айша Раяна Аяла Томирис Кәусар Әмина Айлин Інжу Мөлдір Аружан Дана Жания Сафия Нұрай"),
    mothers=_words("Айгүл Гүлнар Динара Әсел Жанар Сәуле Мәдина Алтынай Назгүл Ботагөз Шолпан Меруерт"),
    fathers=_words("Ерлан Серік Асқар Нұрлан Бауыржан Данияр Марат Қайрат Талғат Ержан Думан Азамат"),
    son="ұлы",
    daughter="қызы",
)
RUSSIAN = Names(
    surnames=_words("Иванов Петров Кузнецов Соколов Морозов Волков Зайцев Павлов Семенов Голубев Виноградов Орлов"),
    boys=_words("Артем Максим Михаил Роман Илья Кирилл Егор Матвей Никита Денис Лев Арсений"),
    girls=_words("София Анна Мария Полина Варвара Ксения Алиса Дарья Ева Милана Вероника Екатерина"),
    mothers=_words("Елена Ольга Наталья Ирина Татьяна Светлана Юлия Екатерина Марина Анастасия"),
    fathers=_words("Александров Иванов Андреев Михайлов Сергеев Максимов Олегов Денисов Романов Павлов"),
    son="ич",
    daughter="на",
)
NAMES = (KAZAKH, RUSSIAN)

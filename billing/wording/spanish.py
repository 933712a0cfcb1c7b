# ruff: noqa: E501 - a sentence stands in one line, beside its own
"""Our sentences in Spanish: what documents say, and what was stored on rows in English. One sentence a line.

Braces hold what differs: ``{day}`` and the like are said in Spanish too, names and sums stay. ``{count}`` is a
number, ``{money}`` a sum, ``{numbers}`` a list of numbers. Plain Spanish of the Americas, usted, no slang; a
tarjeta *vence*, an invoice *vence*, what is owed is *pendiente*: never *deuda*, never *moroso*. Whole texts of
messages stand in templates/mail/es and templates/text/es instead.
"""

MONTHS = {
    "January": "enero", "February": "febrero", "March": "marzo", "April": "abril", "May": "mayo",
    "June": "junio", "July": "julio", "August": "agosto", "September": "septiembre", "October": "octubre",
    "November": "noviembre", "December": "diciembre",
}  # fmt: skip

AROUND = {
    "": "",
    "Change what we send you": "Cambiar lo que le enviamos",
    "License": "Licencia",
    " or call {phone}": " o llame al {phone}",
    "You get invoices for this account.": "Usted recibe las facturas de esta cuenta.",
    # What waits to leave, or is printed again, says them still.
    "A message is sent whenever a contract ends.": "Le avisamos cada vez que termina un contrato.",
    "A message is sent whenever we send money back.": "Le avisamos cada vez que devolvemos dinero.",
    "A copy of every authorization is sent to whom it binds.": "Enviamos una copia de cada autorización a quien la dio.",
    "A copy of every plan is sent to whom it binds.": "Enviamos una copia de cada plan a quien lo acordó.",
    "You asked to be asked before a larger automatic payment.": "Usted pidió que le preguntemos antes de un pago automático mayor.",
    "The law or your agreement wants you to be told before your agreement renews.": "La ley o su contrato exige que le avisemos antes de que se renueve.",
    "The price of a service of yours changes; it counts only once you were told.": "El precio de un servicio suyo cambia; vale solo después de avisarle.",
    "You asked for invoices that are still unpaid shortly before their date.": (
        "Usted pidió las facturas que siguen pendientes poco antes de su fecha."
    ),
    "A receipt is sent for every payment.": "Enviamos un recibo por cada pago.",
    "A payment on this account did not go through.": "Un pago de esta cuenta no se completó.",
    "We tell you whenever we send money back.": "Le avisamos cada vez que devolvemos dinero.",
    "You wanted to be asked before a larger automatic payment.": (
        "Usted pidió que le preguntemos antes de un pago automático mayor."
    ),
    "This account is paid automatically.": "Esta cuenta se paga automáticamente.",
    "This account was paid automatically until now.": "Esta cuenta se pagaba automáticamente hasta ahora.",
    "We tell you whenever a way to pay of this account changes.": (
        "Le avisamos cada vez que cambia una forma de pago de esta cuenta."
    ),
    "A card that you saved is about to expire.": "Una tarjeta que usted guardó está por vencer.",
    "We send a copy of every authorization to the person who gave it.": (
        "Enviamos una copia de cada autorización a quien la dio."
    ),
    "Somebody asked to sign in with this address.": "Alguien pidió entrar con esta dirección.",
    "You asked to get legal notices by email.": "Usted pidió recibir avisos legales por correo electrónico.",
    "This was the address of a contact of this account.": "Esta era la dirección de un contacto de esta cuenta.",
    "What is open on this account may change what we do for you.": "Lo que está pendiente en esta cuenta puede cambiar lo que hacemos por usted.",
    "Somebody else will write to you about what is open on this account.": "Alguien más le escribirá sobre lo que está pendiente en esta cuenta.",
    "We tell you whenever we put a credit on this account.": (
        "Le avisamos cada vez que ponemos un crédito en esta cuenta."
    ),
    "An invoice of this account is past due.": "Una factura de esta cuenta pasó su fecha de vencimiento.",
    "You asked us a question.": "Usted nos hizo una pregunta.",
    "You told us when you will pay.": "Usted nos dijo cuándo pagará.",
    "We send a copy of every plan to the person who agreed to it.": "Enviamos una copia de cada plan a quien lo acordó.",
    "We proposed a plan for what is open on this account.": (
        "Le propusimos un plan para lo que está pendiente en esta cuenta."
    ),
    "A payment of the plan for this account has not arrived.": (
        "Un pago del plan de esta cuenta no ha llegado."
    ),
    "The plan for this account is over.": "El plan de esta cuenta terminó.",
    "We remind you of the payments of your plan.": "Le recordamos los pagos de su plan.",
    "everything that is open": "todo lo que está pendiente",
    "Payment {number}": "Pago {number}",
    "Payment {number}, {money}, follows on {day}.": "El pago {number}, de {money}, sigue el {day}.",
    "{day}, paid": "{day}, pagado",
    "{count} payments": "{count} pagos",
    "in {count} payments": "en {count} pagos",
    "{number} of {total}": "{number} de {total}",
    "It is paid off.": "Está pagado.",
    "Payment {number}, due {day}, was missed.": "No llegó el pago {number}, que vencía el {day}.",
    "Payment {number}, due {day}, was missed after another one was.": (
        "No llegó el pago {number}, que vencía el {day}, después de otro que tampoco llegó."
    ),
    "Signed by": "Firmado por",
    "Payment plan": "Plan de pagos",
    "Payment plan {number}": "Plan de pagos {number}",
    "Agreed {day}": "Acordado el {day}",
    "A proposal": "Una propuesta",
    "A proposal, not agreed yet": "Una propuesta, aún no acordada",
    "To be paid in all": "Por pagar en total",
    "no fee, no interest": "sin recargo, sin intereses",
    "Day": "Fecha",
    "Amount": "Monto",
    "Due until now": "Vencía hasta ahora",
    "Open": "Pendiente",
    "The agreement": "El acuerdo",
    "Signed electronically": "Firmado electrónicamente",
    "On": "Fecha y hora",
    "network address {number}": "dirección de red {number}",
    "Your plan is running": "Su plan está en curso",
    "Your plan is paid off": "Su plan está pagado",
    "This plan ended": "Este plan terminó",
    "This proposal was not taken up": "Esta propuesta no se aceptó",
    "Agreed by us": "Aceptado por nosotros",
    "You told us that something on an invoice is not right.": (
        "Usted nos dijo que algo de una factura no está bien."
    ),
    "The whole invoice": "Toda la factura",
    "A part of the invoice": "Una parte de la factura",
    "You asked for a new link.": "Usted pidió un enlace nuevo.",
    "Our office sent you this invoice again.": "Nuestra oficina le envió esta factura de nuevo.",
    "You asked to be reminded before the due date.": (
        "Usted pidió que le recordemos antes de la fecha de vencimiento."
    ),
    "We remind you of what is due and not paid yet.": "Le recordamos lo que vence y aún no se ha pagado.",
    "An invoice of this account is past its due date.": "Una factura de esta cuenta pasó su fecha de vencimiento.",
    "The law or your agreement requires us to tell you before it renews.": (
        "La ley o su contrato exige que le avisemos antes de que se renueve."
    ),
    "Once a year we remind you of what you have with us and how to end it.": (
        "Una vez al año le recordamos qué tiene con nosotros y cómo terminarlo."
    ),
    "You asked for a summary every month.": "Usted pidió un resumen cada mes.",
    "You wrote to us.": "Usted nos escribió.",
    "You sent us a text.": "Usted nos envió un mensaje de texto.",
}

INVOICE = {
    "Invoice {number}": "Factura {number}",
    "invoice {number}": "la factura {number}",
    "Invoice {number}, {more}": "Factura {number}, {more}",
    "invoices {numbers}": "las facturas {numbers}",
    "for invoice {number}": "por la factura {number}",
    "for invoices {numbers}": "por las facturas {numbers}",
    "1 invoice": "1 factura",
    "{count} invoices": "{count} facturas",
    "{count} invoices, the first {due}": "{count} facturas, la primera {due}",
    "the next due {day}": "lo próximo vence el {day}",
    "open now": "pendiente ahora",
    "Balance before": "Saldo anterior",
    "Balance after": "Saldo actual",
    "In all": "En total",
    "Amount due": "Total a pagar",
    "Disputed: not due until you have our answer": "En duda: no vence hasta que tenga nuestra respuesta",
    "Not due until you have our answer": "No vence hasta que tenga nuestra respuesta",
    "Due later, by your payment plan": "Vence después, según su plan de pagos",
    "Discount": "Descuento",
    "1 more line": "1 línea más",
    "{count} more lines": "{count} líneas más",
    "listed on the invoice": "detalladas en la factura",
    "Sales tax, {rate}": "Impuesto sobre ventas, {rate}",
    "Due {day}": "Vence el {day}",
    "due {day}": "vence el {day}",
    "was due {day}": "venció el {day}",
    "Was due {day}": "Venció el {day}",
    "the oldest part since {day}": "la parte más antigua desde el {day}",
    "by {day}": "a más tardar el {day}",
    "Paid on {day}": "Pagada el {day}",
    "Void": "Anulada",
    "Voided on {day}": "Anulada el {day}",
    "Nothing to pay": "Nada que pagar",
    "Not issued yet": "Aún no emitida",
    "today": "hoy",
    "tomorrow": "mañana",
    "yesterday": "ayer",
    "in {count} days": "en {count} días",
    "{count} days ago": "hace {count} días",
    "{count} of {total} days": "{count} de {total} días",
    "Out of kindness, as we wrote to you": "Por amabilidad, como le escribimos",
    "out of kindness, as we wrote to you": "por amabilidad, como le escribimos",
    "As we wrote to you": "Como le escribimos",
    "Taken back": "Revertido",
    "Taken back: {reason}": "Revertido: {reason}",
    "Payment, {method}": "Pago, {method}",
    "Credit: {reason}": "Crédito: {reason}",
    "Earlier invoices have {money} open: {sum} in all.": (
        "Hay facturas anteriores con {money} pendientes: {sum} en total."
    ),
    "By check: payable to {payee}, with account {number} written on it.": (
        "Con cheque: a nombre de {payee}; escriba en él el número de cuenta {number}."
    ),
    "Services are billed in advance: this invoice covers {period}.": (
        "Los servicios se facturan por adelantado: esta factura cubre el período del {period}."
    ),
    "For service that you already had: {period}.": "Por el servicio que ya recibió: del {period}.",
    "The work listed was done on {day}.": "El trabajo indicado se hizo el {day}.",
    "The work listed was done on {day} and {last}.": "El trabajo indicado se hizo el {day} y el {last}.",
    "Services that continue are billed next for the period from {day}.": (
        "Los servicios que continúan se facturarán después por el período que comienza el {day}."
    ),
    "There is no late fee.": "No hay recargo por atraso.",
    "If the day does not suit you, let the charge wait until another one.": (
        "Si el día no le conviene, deje que el cobro espere hasta otro."
    ),
    "If you need more time, tell us and we will find a date together.": (
        "Si necesita más tiempo, díganos y juntos encontraremos una fecha."
    ),
    "If you cannot pay by {day}, tell us and we will find a date together.": (
        "Si no puede pagar a más tardar el {day}, díganos y juntos encontraremos una fecha."
    ),
    "Tell us, and we will look into it first.": "Díganos y primero lo revisamos.",
    "Reminders wait until you have our answer.": "Los recordatorios esperan hasta que tenga nuestra respuesta.",
    "Nothing is charged automatically: you pay each invoice yourself.": (
        "No se cobra nada automáticamente: usted paga cada factura."
    ),
    "You would like us to charge your card automatically.": (
        "Usted quiere que cobremos a su tarjeta automáticamente."
    ),
    "You would like us to debit your bank account automatically.": (
        "Usted quiere que cobremos a su cuenta bancaria automáticamente."
    ),
    "This is not switched on: please open “Autopay” in your account, or pay this invoice yourself.": (
        "Esto no está activado: abra “Pago automático” en su cuenta, o pague usted esta factura."
    ),
    "You like to pay by check: please send the slip of the printed invoice with it.": (
        "Usted prefiere pagar con cheque: por favor envíe con él el talón de la factura impresa."
    ),
}

METHODS = {
    "{brand} ending {digits}": "{brand} terminada en {digits}",
    "Bank account ending {digits}": "Cuenta bancaria terminada en {digits}",
    "bank account ending {digits}": "cuenta bancaria terminada en {digits}",
    "Card ending {digits}": "Tarjeta terminada en {digits}",
    "card ending {digits}": "tarjeta terminada en {digits}",
    "online": "en línea",
    "card": "tarjeta",
    "bank account": "cuenta bancaria",
    "check": "cheque",
    "check {number}": "cheque {number}",
    "cash": "efectivo",
    "money order": "giro postal",
    "wire transfer": "transferencia bancaria",
    "bank bill pay": "pago de facturas por su banco",
    "Check": "cheque",
    "Check {number}": "cheque {number}",
    "Cash": "efectivo",
    "Money order": "giro postal",
    "Wire": "transferencia bancaria",
    "Bank bill pay": "pago de facturas por su banco",
}

PAYMENTS = {
    "Receipt": "Recibo",
    "Receipt, pending": "Recibo, en proceso",
    "Disputed payment": "Pago en disputa",
    "Returned payment": "Pago devuelto",
    "Refunded payment": "Pago reembolsado",
    "Canceled payment": "Pago anulado",
    "Declined payment": "Pago rechazado",
    "Unfinished payment": "Pago sin terminar",
    "Payment being checked": "Pago en revisión",
    "Thank you.": "Gracias.",
    "We have your payment.": "Recibimos su pago.",
    "Your bank payment has started.": "Su pago bancario ha comenzado.",
    "Bank payments are final once the banks have settled them, normally within a few banking days.": (
        "Los pagos bancarios son definitivos cuando los bancos los liquidan, normalmente en pocos días hábiles."
    ),
    "Your bank took this payment back.": "Su banco retiró este pago.",
    "This payment came back to us unpaid.": "Este pago nos fue devuelto sin pagar.",
    "We have sent this payment back to you.": "Le devolvimos este pago.",
    "This payment was canceled before any money moved.": (
        "Este pago se anuló antes de que se moviera dinero."
    ),
    "This payment was never completed.": "Este pago nunca se completó.",
    "No money moved.": "No se movió dinero.",
    "We are confirming this payment.": "Estamos confirmando este pago.",
    "You will not be charged twice.": "No se le cobrará dos veces.",
    "Payment": "Pago",
    "Received": "Recibido",
    "Date": "Fecha",
    "Confirmed": "Confirmado",
    "Method": "Forma de pago",
    "Processor reference": "Referencia del procesador",
    "Authorization code": "Código de autorización",
    "{money} of invoice {number} is disputed.": "{money} de la factura {number} están en duda.",
    "Nothing of that is charged.": "Nada de eso se cobra.",
    "{money} of invoice {number}, due {day}, is not charged by itself.": "{money} de la factura {number}, que vence el {day}, no se cobran por sí solos.",
    "It is yours to pay.": "Le toca pagarlos a usted.",
    "{money} of your plan is charged on the days of its payments, next on {day}.": "{money} de su plan se cobran en los días de sus pagos, el próximo el {day}.",
    "{money} of your plan is yours to pay on the days of its payments, next on {day}.": "{money} de su plan le toca pagarlos a usted en los días de sus pagos, el próximo el {day}.",
    "Entered by": "Registrado por",
    "our office": "nuestra oficina",
    "Authorized": "Autorizado",
    "by phone on {date}": "por teléfono el {date}",
    "Debited": "Débito",
    "once, on or after {date}": "una sola vez, a partir del {date}",
    "For questions": "Para preguntas",
    "You said yes to this debit on the phone; this is your copy of it.": (
        "Usted autorizó este débito por teléfono; esta es su copia."
    ),
    "{money} still open": "{money} aún pendientes",
    "paid in full": "pagada por completo",
    "{money} is disputed and not due until you have our answer": (
        "{money} en duda, que no vencen hasta que tenga nuestra respuesta"
    ),
    "{money} still open, {sum} of it disputed and not due until you have our answer": (
        "{money} aún pendientes, de los que {sum} están en duda y no vencen hasta que tenga nuestra respuesta"
    ),
    "Kept for your next invoice": "Guardado para su próxima factura",
    "Refund by {way}": "Reembolso por {way}",
    "Refund by {way}: {reason}": "Reembolso por {way}: {reason}",
    "Refund to {method}": "Reembolso a {method}",
    "Refund to {method}: {reason}": "Reembolso a {method}: {reason}",
    "the same card or account": "la misma tarjeta o cuenta",
    "Account": "Cuenta",
    "Paid with": "Pagado con",
    "Refund": "Reembolso",
    "Of your payment": "De su pago",
    "Reason": "Motivo",
    "Reference": "Referencia",
    "Declined on": "Rechazado el",
    "Card or account": "Tarjeta o cuenta",
    "Your limit": "Su límite",
    "was not paid": "no se pagó",
    "We have canceled your payment with {method} before any money moved.": (
        "Anulamos su pago con {method} antes de que se moviera dinero."
    ),
    "If your bank shows it as pending, that disappears by itself within a few days.": (
        "Si su banco lo muestra como pendiente, desaparecerá solo en pocos días."
    ),
    "We have sent {money} back to your {method}.": "Devolvimos {money} a su {method}.",
    "It normally shows on your statement within five to ten business days.": (
        "Normalmente aparece en su estado de cuenta en cinco a diez días hábiles."
    ),
    "It normally arrives within five business days.": "Normalmente llega en cinco días hábiles.",
    "We are sending you a check for {money}.": "Le enviamos un cheque por {money}.",
    "We have given you {money} back in cash.": "Le devolvimos {money} en efectivo.",
    "We have sent you {money} by wire transfer.": "Le enviamos {money} por transferencia bancaria.",
    "Autopay does not charge this invoice again by itself: please pay another way, or tell us.": (
        "El pago automático no vuelve a cobrar esta factura por sí solo: por favor pague de otra forma o díganos."
    ),
    "Autopay does not charge these invoices again by itself: please pay another way, or tell us.": (
        "El pago automático no vuelve a cobrar estas facturas por sí solo: por favor pague de otra forma o díganos."
    ),
    "Your bank took this payment back": "Su banco retiró este pago",
    "was taken back by your bank": "fue retirado por su banco",
    "Your payment was canceled": "Su pago fue anulado",
    "was canceled": "fue anulado",
    "Your check came back unpaid": "Su cheque fue devuelto sin pagar",
    "Your payment came back unpaid": "Su pago fue devuelto sin pagar",
    "came back unpaid": "fue devuelto sin pagar",
    "Your payment did not go through": "Su pago no se completó",
    "did not go through": "no se completó",
    "You told your bank that you do not agree to this payment, and it took the money back.": (
        "Usted dijo a su banco que no está de acuerdo con este pago, y el banco retiró el dinero."
    ),
    "You told your bank that you do not agree to this payment.": (
        "Usted dijo a su banco que no está de acuerdo con este pago."
    ),
    "If that was a mistake, please tell your bank and us.": (
        "Si fue un error, por favor avise a su banco y a nosotros."
    ),
    "If something is wrong with our invoice, reply to this email, and we will look into it first.": (
        "Si algo está mal en nuestra factura, responda a este correo: primero lo revisamos."
    ),
    "Meanwhile nothing is charged automatically.": "Mientras tanto no se cobra nada automáticamente.",
    "It was canceled before any money moved.": "Se anuló antes de que se moviera dinero.",
    "We could not confirm it with our payment processor, and no money moved.": (
        "No pudimos confirmarlo con nuestro procesador de pagos, y no se movió dinero."
    ),
    "The bank did not pay it.": "El banco no lo pagó.",
    "We will try again on {day}.": "Lo intentaremos de nuevo el {day}.",
    "If you pay another way before that day, nothing is charged then.": (
        "Si paga de otra forma antes de ese día, no se cobrará nada entonces."
    ),
    "Your next invoice has a fee of {money} for the return.": (
        "Su próxima factura incluye un cargo de {money} por la devolución."
    ),
}

AUTOPAY = {
    "We will not try it again, so please pay another way.": (
        "No lo intentaremos de nuevo por nuestra cuenta; por favor pague de otra forma."
    ),
    "We will not charge {method} again.": "No volveremos a cobrar a su {method}.",
    "Add another card or bank account and choose it for autopay; it is charged within a day.": (
        "Agregue otra tarjeta o cuenta bancaria y elíjala para el pago automático; se le cobra en menos de un día."
    ),
    "You can add another card or bank account, or pay without saving one.": (
        "Puede agregar otra tarjeta o cuenta bancaria, o pagar sin guardar ninguna."
    ),
    "{money} is above the {limit} that you set for autopay, so we are asking first.": (
        "{money} supera los {limit} que usted fijó para el pago automático, así que primero le preguntamos."
    ),
    "Nothing was charged.": "No se cobró nada.",
    "Please pay it when you have looked at it; nothing of it is charged by itself.": (
        "Por favor páguelo cuando lo haya revisado; nada de esto se cobra por sí solo."
    ),
    "Your later invoices go on as before, up to {money}.": (
        "Sus facturas siguientes continúan como antes, hasta {money}."
    ),
    "on {day}": "el {day}",
    "tomorrow at the latest": "a más tardar mañana",
    "Autopay will charge {money} {when} from {method}.": (
        "El pago automático cobrará {money} {when} a su {method}."
    ),
    "Autopay will try again to charge {money} {when} from {method}.": (
        "El pago automático intentará de nuevo cobrar {money} {when} a su {method}."
    ),
    "Autopay will charge {money}, together with 1 other invoice: {sum} in all, {when} from {method}.": (
        "El pago automático cobrará {money}, junto con otra factura: {sum} en total, {when} a su {method}."
    ),
    "Autopay will charge {money}, together with {count} other invoices: {sum} in all, {when} from {method}.": (
        "El pago automático cobrará {money}, junto con otras {count} facturas: {sum} en total, {when} a su {method}."
    ),
    "Autopay will try again to charge {money}, together with 1 other invoice: {sum} in all, {when} from {method}.": (
        "El pago automático intentará de nuevo cobrar {money}, junto con otra factura: {sum} en total, {when} a su "
        "{method}."
    ),
    "Autopay will try again to charge {money}, together with {count} other invoices: {sum} in all, {when} from "
    "{method}.": (
        "El pago automático intentará de nuevo cobrar {money}, junto con otras {count} facturas: {sum} en total, "
        "{when} a su {method}."
    ),
    "You need not do anything.": "Usted no tiene que hacer nada.",
    "The last charge did not go through, so please make sure that this one can, or pay another way before.": (
        "El último cobro no se completó; por favor asegúrese de que este sea posible, o pague antes de otra forma."
    ),
    "{method} cannot be charged any more, so nothing is charged by itself.": (
        "Ya no podemos cobrar a su {method}, así que nada se cobra por sí solo."
    ),
    "Please choose another way to pay.": "Por favor elija otra forma de pago.",
    "Autopay is on hold on this account, so nothing is charged by itself.": (
        "El pago automático de esta cuenta está en pausa, así que nada se cobra por sí solo."
    ),
    "{method} was declined as often as we may try, so nothing is charged again by itself.": (
        "Los intentos permitidos con {method} no se completaron, así que nada se vuelve a cobrar por sí solo."
    ),
    "Please pay it yourself, or choose another way to pay.": "Por favor páguela usted, o elija otra forma de pago.",
    "The earlier charge was canceled or paid back, so nothing is charged again by itself.": (
        "El cobro anterior se anuló o se devolvió, así que nada se vuelve a cobrar por sí solo."
    ),
    "You asked us about this invoice.": "Usted nos preguntó por esta factura.",
    "Nothing is charged before we have answered.": "No se cobra nada antes de que hayamos respondido.",
    "This is above the {money} that you set for autopay, so nothing is charged by itself.": (
        "Esto supera los {money} que usted fijó para el pago automático, así que nada se cobra por sí solo."
    ),
    "This was above the {money} that you set for autopay when we asked you, so what is left of it is not "
    "charged by itself either.": (
        "Esto superaba los {money} que usted fijó para el pago automático cuando le preguntamos, así que lo que "
        "queda tampoco se cobra por sí solo."
    ),
    "Please pay it yourself when you are ready.": "Por favor páguela usted cuando pueda.",
    "Autopay is on": "El pago automático está activado",
    "Autopay has changed": "El pago automático ha cambiado",
    "From now on your invoices are paid from {method}, {day}.": (
        "Desde ahora sus facturas se pagan con su {method}, {day}."
    ),
    "From now on your invoices are paid from {method}, {day}, and no longer from {former}.": (
        "Desde ahora sus facturas se pagan con su {method}, {day}, y ya no con su {former}."
    ),
    "These words replace those that you agreed to before.": (
        "Este texto reemplaza el que usted aceptó antes."
    ),
    "on the due date of each invoice": "en la fecha de vencimiento de cada factura",
    "1 day before the due date of each invoice": "1 día antes del vencimiento de cada factura",
    "{count} days before the due date of each invoice": "{count} días antes del vencimiento de cada factura",
    "on the {ordinal} of the month after each invoice is issued": (
        "el día {ordinal} del mes siguiente a la emisión de cada factura"
    ),
    "Agreed": "Acordado",
    "By": "Por",
    "From": "Desde",
    "Text": "Texto",
    "Version of these words": "Versión de este texto",
    "You switched it off.": "Usted lo desactivó.",
    "One charge of {money} to {method} was sent before that, on {day}, and can no longer be called back.": (
        "Un cobro de {money} a {method} se envió antes, el {day}, y ya no se puede detener."
    ),
    "If it does not go through, you will hear from us.": "Si no se realiza, le avisamos.",
    "{method} was saved": "{method} se guardó",
    "{method} was removed": "{method} se quitó",
    "Your bank renewed your {method}": "Su banco renovó su {method}",
    "{method} can no longer be charged": "{method} ya no se puede usar",
    "It was replaced by another one.": "Fue reemplazada por otra.",
    "Next charge: {money} on {day}.": "Próximo cobro: {money} el {day}.",
}

BANKS = {
    "Please use another card or bank account, or call the number on the back of the card.": (
        "Por favor use otra tarjeta o cuenta bancaria, o llame al número que está al dorso de la tarjeta."
    ),
    "Please enter the billing address exactly as it is on the card statement and try again.": (
        "Por favor escriba la dirección tal como está en el estado de cuenta de la tarjeta e intente de nuevo."
    ),
    "Please check the 3 or 4 digits of the security code on the card and try again.": (
        "Por favor revise los 3 o 4 dígitos del código de seguridad de la tarjeta e intente de nuevo."
    ),
    "Please check the routing and account number on a check and try again, or pay by card.": (
        "Por favor revise en un cheque los números de ruta y de cuenta e intente de nuevo, o pague con tarjeta."
    ),
    "The bank declined this payment.": "El banco rechazó este pago.",
    "Often the reason is the balance or a limit.": "A menudo se debe al saldo o a un límite.",
    "The card number is not valid.": "El número de la tarjeta no es válido.",
    "Please check the number or use another card.": "Por favor revise el número o use otra tarjeta.",
    "The expiration date is not valid.": "La fecha de vencimiento no es válida.",
    "Please check the month and year on the card and try again.": (
        "Por favor revise el mes y el año en la tarjeta e intente de nuevo."
    ),
    "The card has expired.": "La tarjeta venció.",
    "Please use the new one that your bank sent you, or another card.": (
        "Por favor use la nueva que le envió su banco, u otra tarjeta."
    ),
    "The card's security code does not match.": "El código de seguridad de la tarjeta no coincide.",
    "We do not accept this kind of card.": "No aceptamos este tipo de tarjeta.",
    "Please use another card or a bank account.": "Por favor use otra tarjeta o una cuenta bancaria.",
    "The payment was stopped by a security check.": "Una revisión de seguridad detuvo el pago.",
    "The address does not match the one that the card's bank has.": (
        "La dirección no coincide con la que tiene el banco de la tarjeta."
    ),
    "The name or address on the bank account was not accepted.": (
        "El nombre o la dirección de la cuenta bancaria no fueron aceptados."
    ),
    "The fault is on our side, not yours.": "La falla es nuestra, no suya.",
    "Please try again later, pay by check, or call us.": (
        "Por favor intente más tarde, pague con cheque o llámenos."
    ),
    "This card or bank account is no longer saved with our payment processor.": (
        "Esta tarjeta o cuenta bancaria ya no está guardada con nuestro procesador de pagos."
    ),
    "Please add it again, or choose another way to pay.": (
        "Por favor agréguela de nuevo o elija otra forma de pago."
    ),
    "The card's bank wants to speak with you before it approves this payment.": (
        "El banco de la tarjeta quiere hablar con usted antes de aprobar este pago."
    ),
    "The bank does not accept this card any more.": "El banco ya no acepta esta tarjeta.",
    "The routing number is not valid.": "El número de ruta no es válido.",
    "The account number is not valid.": "El número de cuenta no es válido.",
    "The address and the card's security code do not match.": (
        "La dirección y el código de seguridad de la tarjeta no coinciden."
    ),
    "The amount is above what can be paid at once.": "El monto supera lo que se puede pagar de una vez.",
    "Please pay a smaller amount or call us.": "Por favor pague un monto menor o llámenos.",
    "The name or the account type does not match the bank account.": (
        "El nombre o el tipo de cuenta no coincide con la cuenta bancaria."
    ),
    "The bank does not allow this payment from this account.": "El banco no permite este pago desde esta cuenta.",
    "The card's bank could not be reached.": "No se pudo contactar al banco de la tarjeta.",
    "Please try again in a few minutes.": "Por favor intente de nuevo en unos minutos.",
    "The payment was reviewed and could not be accepted.": "El pago se revisó y no pudo aceptarse.",
    "The payment could not be processed.": "El pago no se pudo procesar.",
    "Please pay this invoice another way.": "Por favor pague esta factura de otra forma.",
    "Please add the account again, or another way to pay.": (
        "Por favor agregue la cuenta de nuevo, u otra forma de pago."
    ),
    "Your bank returned this payment because it was told that you did not agree to it.": (
        "Su banco devolvió este pago porque se le dijo que usted no estaba de acuerdo."
    ),
    "We have stopped charging this account.": "Dejamos de cobrar a esta cuenta.",
    "If that was a mistake, please call us; otherwise please pay another way.": (
        "Si fue un error, por favor llámenos; si no, por favor pague de otra forma."
    ),
    "There was not enough money in the account when the payment arrived.": (
        "No había suficiente dinero en la cuenta cuando llegó el pago."
    ),
    "Please make sure that the balance covers it, or pay another way.": (
        "Por favor asegúrese de que el saldo alcance, o pague de otra forma."
    ),
    "Your bank says that this account is closed.": "Su banco dice que esta cuenta está cerrada.",
    "Your bank cannot find this account, or the name on it is another one.": (
        "Su banco no encuentra esta cuenta, o está a otro nombre."
    ),
    "Please compare the numbers with a check and add the account again, or choose another way to pay.": (
        "Por favor compare los números con un cheque y agregue la cuenta de nuevo, o elija otra forma de pago."
    ),
    "Please compare it with a check and add the account again, or choose another way to pay.": (
        "Por favor compárelo con un cheque y agregue la cuenta de nuevo, o elija otra forma de pago."
    ),
    "The payment was called back on its way through the banks.": "El pago fue retirado en su camino entre los bancos.",
    "You need not do anything; we will look into it and write to you.": (
        "Usted no tiene que hacer nada; lo revisamos y le escribiremos."
    ),
    "You asked your bank to stop this payment.": "Usted pidió a su banco detener este pago.",
    "Please pay another way, or call us if that was a mistake.": (
        "Por favor pague de otra forma, o llámenos si fue un error."
    ),
    "The account had money on the way that was not available yet.": (
        "La cuenta tenía dinero en camino que aún no estaba disponible."
    ),
    "If you would rather not wait until it is, please pay another way.": (
        "Si prefiere no esperar, por favor pague de otra forma."
    ),
    "The account is frozen, and your bank cannot pay from it.": (
        "La cuenta está congelada y su banco no puede pagar desde ella."
    ),
    "Your bank does not allow payments from this kind of account.": (
        "Su banco no permite pagos desde este tipo de cuenta."
    ),
    "Please use a checking account or a card.": "Por favor use una cuenta corriente o una tarjeta.",
}

CONTRACT = {
    "Your agreement will renew automatically on {day} for {length} unless you cancel by {last}.": (
        "Su contrato se renovará automáticamente el {day} por {length}, a menos que usted lo cancele a más "
        "tardar el {last}."
    ),
    "Your service continues until you end it.": "Su servicio continúa hasta que usted lo termine.",
    "You may end it with 1 day of notice, at any time.": (
        "Puede terminarlo en cualquier momento, con 1 día de aviso."
    ),
    "You may end it with {count} days of notice, at any time.": (
        "Puede terminarlo en cualquier momento, con {count} días de aviso."
    ),
    "your agreement renews; you can cancel by {short}": "su renovación (puede cancelar hasta el {short})",
    "Your agreement renews; you can cancel by {short}": "Su renovación (puede cancelar hasta el {short})",
    "your agreement renews; you can cancel any day": "su renovación (puede cancelar cualquier día)",
    "Your agreement renews; you can cancel any day": "Su renovación (puede cancelar cualquier día)",
    "your yearly reminder: what you have, how to end it": "su recordatorio anual: qué tiene y cómo terminarlo",
    "You can end it any time.": "Puede terminarlo en cualquier momento.",
    "You can cancel until {day}.": "Puede cancelar hasta el {day}.",
    "any day": "cualquier día",
    "a year": "un año",
    "a month": "un mes",
    "{count} years": "{count} años",
    "{count} months": "{count} meses",
    "every month": "cada mes",
    "every 3 months": "cada 3 meses",
    "every 6 months": "cada 6 meses",
    "every year": "cada año",
    "{one} and {other}": "{one} y {other}",
    "{money} every {cycle}": "{money} cada {cycle}",
    "month": "mes",
    "3 months": "3 meses",
    "6 months": "6 meses",
    "year": "año",
    "Last day to cancel": "Último día para cancelar",
    "Your term ends on": "Su plazo termina el",
    "It renews on": "Se renueva el",
    "Price from then on": "Precio desde entonces",
    "Price": "Precio",
    "Charged": "Se cobra",
    "Goes on": "Continúa",
    "until you end it": "hasta que usted lo termine",
    "{day}, for {length}": "{day}, por {length}",
    "Nothing is charged for it at present.": "Actualmente no se cobra nada por esto.",
    "You pay {price}, plus tax where it applies.": "Usted paga {price}, más impuestos donde correspondan.",
    "You pay {now} now, and {after} after it renews, plus tax where it applies.": (
        "Usted paga {now} ahora, y {after} después de la renovación, más impuestos donde correspondan."
    ),
    "Nothing changes: price and terms stay as they are.": (
        "Nada cambia: el precio y las condiciones siguen como están."
    ),
    "What changes: {changes}.": "Lo que cambia: {changes}.",
    "{text}: {money} now, {price} {every} from {day}": "{text}: {money} ahora, {price} {every} desde el {day}",
    "Tell us by {day}, and it ends on {last}.": "Avísenos a más tardar el {day} y terminará el {last}.",
    "Tell us by {day}, and it ends that day.": "Avísenos a más tardar el {day} y terminará ese mismo día.",
    "the same": "lo mismo",
    "If you do nothing, your service simply goes on as it is.": (
        "Si no hace nada, su servicio simplemente continúa como está."
    ),
    "If you do nothing, your agreement renews on {day} for {length}, on the terms that you have now.": (
        "Si no hace nada, su contrato se renueva el {day} por {length}, con las condiciones que tiene ahora."
    ),
    "If you do nothing, your agreement renews on {day} for {length}, on the terms that you have now, at the new "
    "price above.": (
        "Si no hace nada, su contrato se renueva el {day} por {length}, con las condiciones que tiene ahora y el "
        "precio nuevo indicado arriba."
    ),
    "The full clause stands in your {contract}, under renewal; ask us for a copy and you will have it the same day.": (
        "La cláusula completa está en su contrato ({contract}), en la sección de renovación; pídanos una copia y "
        "la tendrá el mismo día."
    ),
    "The full clause stands in your {contract}, signed {day}, under renewal; ask us for a copy and you will have "
    "it the same day.": (
        "La cláusula completa está en su contrato ({contract}), firmado el {day}, en la sección de renovación; "
        "pídanos una copia y la tendrá el mismo día."
    ),
    "The lease sheet with the purchase price, the rate, the monthly payment and the payoff comes with it.": (
        "La hoja de arrendamiento con el precio de compra, la tasa, el pago mensual y el saldo final va adjunta."
    ),
    "This notice is given under {law}.": "Este aviso se da conforme a {law}.",
    "In English": "En inglés",
    "This is a translation for your convenience.": "Esta es una traducción para su comodidad.",
    "The notice in English, which follows, is the one that counts.": (
        "El aviso que vale es el que está en inglés, a continuación."
    ),
    "The notice in English, before this, is the one that counts.": (
        "El aviso que vale es el que está en inglés, antes de este texto."
    ),
    "A translation follows.": "En español: después del texto en inglés.",
    "What you have with us": "Lo que tiene con nosotros",
    "Service": "Servicio",
    "How to cancel": "Cómo cancelar",
    "No reason is needed.": "No tiene que dar ningún motivo.",
    "Online": "En línea",
    "By email": "Por correo electrónico",
    "By telephone": "Por teléfono",
    "By post": "Por correo postal",
    "If you do nothing": "Si no hace nada",
}

ANSWERS = {
    "You answered about your agreement with us.": "Usted respondió sobre su contrato con nosotros.",
    "We tell you whenever an agreement ends.": "Le avisamos cada vez que termina un contrato.",
    "The price of one of your services changes, and it counts only after we have told you.": (
        "El precio de un servicio suyo cambia; vale solo después de avisarle."
    ),
    "Where": "Dónde",
    "Your price changes on {day}": "Su precio cambia el {day}",
    "From {day} on, your {name} costs more.": "Desde el {day}, su contrato cuesta más.",
    "Here is what changes.": "Esto es lo que cambia.",
    "{money} {every} now, {price} from then on": "{money} {every} ahora, {price} desde entonces",
    "Why: {reason}.": "Motivo: {reason}.",
    "Yearly adjustment": "Ajuste anual",
    "Nothing else changes.": "Aparte de esto no cambia nada.",
    "Tax is added where it applies.": "Los impuestos se agregan donde correspondan.",
    "Is that too much, or is something not right?": "¿Es demasiado, o hay algo que no está bien?",
    "Talk to us, or end the service on the page below; no reason is needed.": (
        "Hable con nosotros o termine el servicio en la página de abajo; no hace falta un motivo."
    ),
    "Your {name} ends on {day}": "Su contrato termina el {day}",
    "Your {name}: {day} is planned as its last day": "Su contrato: está previsto que termine el {day}",
    "Planned last day": "Último día previsto",
    "You ended your {name}: {day} is your last day of service.": (
        "Usted terminó su contrato: el {day} es su último día de servicio."
    ),
    "Your {name} ends: {day} is your last day of service.": (
        "Su contrato termina: el {day} es su último día de servicio."
    ),
    "You keep your {name}": "Usted conserva su contrato",
    "You told us that you keep your {name}.": "Usted nos dijo que conserva su contrato.",
    "You want to talk to us": "Usted quiere hablar con nosotros",
    "Somebody from our office will get in touch with you about your agreement.": (
        "Alguien de nuestra oficina se comunicará con usted sobre su contrato."
    ),
    "Until then nothing changes: your service goes on, and nothing was ended or renewed.": (
        "Hasta entonces nada ha cambiado: su servicio continúa, y nada se terminó ni se renovó."
    ),
    "Everything stays as it is.": "Todo sigue como está.",
    "You need not do anything; your answer only tells us so.": (
        "No tiene que hacer nada; su respuesta solo nos lo dice."
    ),
    "It renews on {day} for {length}.": "Se renueva el {day} por {length}.",
    "It renews on {day} month to month.": "Se renueva el {day} mes a mes.",
    "Your last day of service": "Su último día de servicio",
    "Last day of service": "Último día de servicio",
    "Answered": "Respondido",
    "Credited for unused days": "Abonado por días no usados",
    "Early-termination fee": "Cargo por terminar antes",
    "none": "ninguno",
    "From {day} on, nobody will answer the signals of your alarm.": (
        "Desde el {day} nadie atiende las señales de su alarma."
    ),
    "{money} is open today. You told us that you pay by {day}, and we wait until then.": (
        "Hoy hay {money} pendientes. Usted nos dijo que pagará a más tardar el {day}, y esperamos hasta entonces."
    ),
    "{money} is open today and due now. If that does not fit, tell us, and we will find a day that does.": (
        "Hoy hay {money} pendientes, que vencen ahora. Si no le es posible, díganos: buscamos una fecha que le convenga."
    ),
    "{money} is open today, due {day}.": "Hoy hay {money} pendientes, que vencen el {day}.",
    "Nothing more will be billed for it.": "No se facturará nada más por él.",
    "Still to be billed as usual: {money} for {days}, plus tax where it applies.": (
        "Queda por facturar como siempre: {money} del {days}, más impuestos donde correspondan."
    ),
    "After that nothing more is charged for it.": "Después de eso no se cobra nada más por él.",
    "We take off what was billed for later days, {money}: it pays what is open, and you get the rest back.": (
        "Descontamos lo facturado por días posteriores, {money}: con eso se paga lo pendiente y le devolvemos el resto."
    ),
    "We have taken off what was billed for later days: it pays what is open, and you get the rest back.": (
        "Descontamos lo facturado por días posteriores: con eso se paga lo pendiente y le devolvemos el resto."
    ),
    "The days until then are billed as usual; after the final invoice nothing more is charged for it.": (
        "Los días hasta entonces se facturan como siempre; después de la última factura no se cobra nada más."
    ),
    "You will get back what you paid ahead by {day} at the latest.": (
        "Lo que pagó por adelantado le llegará a más tardar el {day}."
    ),
    "We told the fire authority in writing on {day}.": "Avisamos por escrito a la autoridad de bomberos el {day}.",
    "There is no fee for ending it, and we ask for no reason.": (
        "Terminarlo no tiene cargo, y no le pedimos un motivo."
    ),
    "The fire authority requires this monitoring, so we tell it in writing first.": (
        "La autoridad de bomberos exige este monitoreo, así que primero se lo avisamos por escrito."
    ),
    "We will write to you when that is done.": "Le escribiremos cuando esté hecho.",
    "Then nothing ends, and your service goes on as before.": (
        "Entonces no termina nada, y su servicio sigue como antes."
    ),
    "You have ended it already.": "Usted ya lo terminó.",
    "We will write to you when the fire authority was told.": (
        "Le escribiremos cuando hayamos avisado a la autoridad de bomberos."
    ),
    "The fire authority requires this monitoring, so we must tell it in writing first.": (
        "La autoridad de bomberos exige este monitoreo, así que primero debemos avisar a esa autoridad por escrito."
    ),
    "We will do that for you, and write to you when it is done.": (
        "Lo hacemos por usted, y le escribimos cuando esté hecho."
    ),
    "We plan {day} as your last day.": "Prevemos el {day} como su último día.",
    "If this was not you, or not what you meant, answer this message or call us.": (
        "Si no fue usted, o no era su intención, responda a este mensaje o llámenos."
    ),
}

REMEDIES = {
    "A credit for you": "Un crédito para usted",
    "For the days on which your service did not work, we have put a credit on your account.": (
        "Por los días en que su servicio no funcionó, pusimos un crédito en su cuenta."
    ),
    "We have taken back the late fee.": "Retiramos el recargo por atraso.",
    "We have put a credit on your account.": "Pusimos un crédito en su cuenta.",
    "{name} did not work {period} ({count} of {total} days)": (
        "{name} no funcionó del {period} ({count} de {total} días)"
    ),
    "{name} did not work {period} ({count} of {total} days).": (
        "{name} no funcionó del {period} ({count} de {total} días)."
    ),
    "Invoice {number} is still open": "La factura {number} sigue pendiente",
    "Invoice": "Factura",
    "Issued": "Emitida",
    "Canceled": "Anulada",
    "to pay on this invoice": "por pagar en esta factura",
    "We sent you this invoice before.": "Le habíamos enviado esta factura.",
    "Was due": "Venció",
    "Late for your services, before tax": "Atrasado por sus servicios, sin impuesto",
    "Late fee, at most": "Recargo por atraso, como máximo",
    "If it is still open on {day}, your agreement allows a late fee of at most {money}, once.": (
        "Si sigue pendiente el {day}, su contrato permite un recargo por atraso de {money} como máximo, una vez."
    ),
    "We tell you at least {count} days before, and the first in twelve months is waived.": (
        "Le avisamos al menos {count} días antes, y el primero en doce meses no se cobra."
    ),
    "A late fee of at most {money} is added to your next invoice if this one is still open on {day}.": (
        "Si esta factura sigue pendiente el {day}, se agrega a la próxima un recargo por atraso de {money} "
        "como máximo."
    ),
    "A late fee of {money} comes with your next invoice, and there will be no other.": (
        "Un recargo por atraso de {money} viene con su próxima factura, y no habrá otro."
    ),
    "A late fee of {money} was added for it to a later invoice, and there will be no other.": (
        "Por ella se agregó un recargo por atraso de {money} a una factura posterior, y no habrá otro."
    ),
    "The late fee for it is waived.": "El recargo por atraso de esta factura no se cobra.",
    "No late fee is added for it.": "No se agrega ningún recargo por atraso por ella.",
    "Late fee for invoice {number}, which was due {day}: waived.": (
        "Recargo por atraso de la factura {number}, que venció el {day}: no se cobra."
    ),
    "Late fee for invoice {number}, which was due {day}": (
        "Recargo por atraso de la factura {number}, que venció el {day}"
    ),
}
CHANGES = {
    "New: {text}, {money}, from {day}.": "Nuevo: {text}, {money}, desde el {day}.",
    "{text} costs {money} instead of {sum} from {day}.": "{text} cuesta {money} en vez de {sum} desde el {day}.",
    "{text} costs {money} instead of {sum} from {day}: we told you on {told}.": (
        "{text} cuesta {money} en vez de {sum} desde el {day}: le avisamos el {told}."
    ),
    "{text} costs {money} instead of {sum} from {day}, as agreed.": (
        "{text} cuesta {money} en vez de {sum} desde el {day}, como se acordó."
    ),
    "{text}: {count} instead of {total}.": "{text}: {count} en vez de {total}.",
    "The tax on {text} is {rate} instead of {old}.": "El impuesto sobre {text} es de {rate} en vez de {old}.",
    "The discount of {money} on {text} has ended.": "El descuento de {money} en {text} terminó.",
    "A discount of {money} on {text}: {reason}.": "Un descuento de {money} en {text}: {reason}.",
    "A discount of {money} on {text}.": "Un descuento de {money} en {text}.",
    "The discount on {text} is {money} instead of {sum}.": (
        "El descuento en {text} es de {money} en vez de {sum}."
    ),
    "{text} is billed for {count} of {total} days.": "{text} se cobra por {count} de {total} días.",
    "Every service is billed for {count} of {total} days.": "Cada servicio se cobra por {count} de {total} días.",
    "Every service is billed for the whole period again.": "Cada servicio se cobra de nuevo por el período completo.",
    "{text} is billed for the whole period again.": "{text} se cobra de nuevo por el período completo.",
    "{text} ended on {day} and is not billed any more.": "{text} terminó el {day} y ya no se cobra.",
}
CONSENTS = {
    "Text messages": "Mensajes de texto",
    "I agree that {company} texts me about this account, such as reminders, receipts and payment problems, at {phone}, also by automated means.": (
        "Acepto que {company} me envíe mensajes de texto sobre esta cuenta, como recordatorios, recibos y problemas de pago, a este número: {phone}, también por medios automáticos."
    ),
    "my mobile number": "mi número de celular",
    "Texts are no condition of any service.": "Recibirlos no es condición de ningún servicio.",
    "How many come depends on what I choose; message and data rates of my carrier may apply.": (
        "Cuántos llegan depende de lo que yo elija; mi operador puede cobrar por mensajes y datos."
    ),
    "They come between 8 am and 8 pm.": "Llegan entre las 8 a. m. y las 8 p. m.",
    "I can end this at any time: here, by answering STOP, or by calling {phone}.": (
        "Puedo terminar esto en cualquier momento: aquí, respondiendo STOP o ALTO, o llamando al {phone}."
    ),
    "HELP is answered with how to reach us.": "A HELP o AYUDA se responde cómo comunicarse con nosotros.",
    "Legal notices by email": "Avisos legales por correo electrónico",
    "I agree that {company} sends me by email, to {address}, what the law wants in writing: notices that a contract renews or ends, of a new price, and of automatic charges.": (
        "Acepto que {company} me envíe por correo electrónico, a {address}, lo que la ley exige por escrito: avisos de que un contrato se renueva o termina, de un precio nuevo y de cobros automáticos."
    ),
    "I have a right to these on paper.": "Tengo derecho a recibirlos en papel.",
    "I can ask for a paper copy of any of them at any time, and it costs me nothing.": (
        "Puedo pedir una copia en papel de cualquiera de ellos en cualquier momento, y no me cuesta nada."
    ),
    "I can withdraw this at any time, on the page of my preferences or by telling you.": (
        "Puedo retirar esta aceptación en cualquier momento, en la página de mis preferencias o diciéndoselo a ustedes."
    ),
    "It ends at once, the notices come on paper again, and nothing else changes.": (
        "Termina de inmediato, los avisos vuelven a llegar en papel y nada más cambia."
    ),
    "What was sent before stays valid.": "Lo que se envió antes sigue siendo válido.",
    "When my email address changes I tell you on the page of my details; until then notices may go to the old one, and what comes back is sent on paper.": (
        "Cuando cambie mi dirección de correo se lo digo en la página de mis datos; hasta entonces los avisos pueden ir a la anterior, y lo que sea devuelto se envía en papel."
    ),
    "To read and keep them I need an email program or website, a web browser of the last years, and a program that opens PDF files; to keep a copy I can save or print them.": (
        "Para leerlos y guardarlos necesito un programa o sitio de correo electrónico, un navegador de los últimos años y un programa que abra archivos PDF; para guardar una copia puedo guardarlos o imprimirlos."
    ),
}
SAID_ON_THE_PHONE = {
    "You authorize {company} to charge {money} to your {method}, once, on {date}.": (
        "Usted autoriza a {company} a cobrar {money} a su {method}, una sola vez, el {date}."
    ),
    "You authorize {company} to debit {money} from your {method}, once, on or after {date}.": (
        "Usted autoriza a {company} a debitar {money} de su {method}, una sola vez, a partir del {date}."
    ),
    "We use your yes to make an electronic debit of that account.": (
        "Con su autorización hacemos un débito electrónico de esa cuenta."
    ),
    "It pays invoice {number} of account {account}, {customer}.": (
        "Paga la factura {number} de la cuenta {account}, {customer}."
    ),
    "It pays invoices {numbers} of account {account}, {customer}.": (
        "Paga las facturas {numbers} de la cuenta {account}, {customer}."
    ),
    "You get this in writing.": "Usted recibirá esto por escrito.",
    "For questions, call {phone}.": "Si tiene preguntas, llame al {phone}.",
    "Do you agree?": "¿Está de acuerdo?",
}
AUTHORIZATION = {
    "I authorize {company} to charge my {method} automatically for the invoices of account {account}, {customer}: those that are open now and those that come.": (
        "Autorizo a {company} a cobrar automáticamente en mi {method} las facturas de la cuenta {account}, {customer}: las que están pendientes ahora y las que vengan."
    ),
    "I authorize {company} to debit my {method} automatically for the invoices of account {account}, {customer}: those that are open now and those that come.": (
        "Autorizo a {company} a debitar automáticamente de mi {method} las facturas de la cuenta {account}, {customer}: las que están pendientes ahora y las que vengan."
    ),
    "Amount: what is still open on the invoice on the day of the charge.": (
        "Monto: lo que siga pendiente de la factura el día del cobro."
    ),
    "Invoices that fall on the same day are charged together.": "Las facturas que caen el mismo día se cobran juntas.",
    "If that comes to more than {money}, nothing is charged: I am asked first.": (
        "Si eso suma más de {money}, no se cobra nada: antes me preguntan."
    ),
    "Day: on the due date of each invoice.": "Día: la fecha de vencimiento de cada factura.",
    "Day: {count} days before the due date of each invoice.": (
        "Día: {count} días antes de la fecha de vencimiento de cada factura."
    ),
    "Day: 1 day before the due date of each invoice.": "Día: 1 día antes de la fecha de vencimiento de cada factura.",
    "Day: on the {ordinal} of the month after each invoice is issued.": (
        "Día: el día {ordinal} del mes que sigue a la emisión de cada factura."
    ),
    "An invoice issued on that very day is charged on it.": "Una factura emitida ese mismo día se cobra ese día.",
    "An invoice whose day has passed is charged as soon as I could be told.": (
        "Una factura cuyo día ya pasó se cobra en cuanto se me haya podido avisar."
    ),
    "I may put a charge off by up to 1 day, {times} in a year.": "Puedo aplazar un cobro hasta 1 día, {times} al año.",
    "I may put a charge off by up to {count} days, {times} in a year.": "Puedo aplazar un cobro hasta {count} días, {times} al año.",
    "once": "una vez",
    "twice": "dos veces",
    "{count} times": "{count} veces",
    "Notice: each invoice that is emailed to me states the amount and the day of its charge.": (
        "Aviso: cada factura que me envían por correo electrónico dice el monto y el día de su cobro."
    ),
    "I am also told by email 1 day before each charge; told later, it is made later.": (
        "También se me avisa por correo electrónico 1 día antes de cada cobro; si se me avisa más tarde, se cobra más tarde."
    ),
    "I am also told by email {count} days before each charge; told later, it is made later.": (
        "También se me avisa por correo electrónico {count} días antes de cada cobro; si se me avisa más tarde, se cobra más tarde."
    ),
    "Amounts may differ up to the limit above without further notice.": (
        "Los montos pueden variar hasta el límite de arriba sin más aviso."
    ),
    "If an amount differs from the last one, I am told {count} days or more before the debit.": (
        "Si un monto es distinto del anterior, se me avisa con {count} días o más antes del débito."
    ),
    "If my bank returns a debit because there was not enough money in the account, it may be tried again, at most twice.": (
        "Si mi banco devuelve un débito porque no había suficiente dinero en la cuenta, se puede intentar de nuevo, dos veces como máximo."
    ),
    "If the card is declined, it may be tried again, at most three times within 15 days.": (
        "Si la tarjeta es rechazada, se puede intentar de nuevo, tres veces como máximo en 15 días."
    ),
    "For a debit that is returned because there was not enough money, a fee of {money} may be added.": (
        "Por un débito devuelto por falta de dinero se puede agregar un cargo de {money}."
    ),
    "How to stop: I can switch autopay off at any time, at once, on the page “Autopay” of my account or by the link “Change what we send you” in every email.": (
        "Cómo terminarlo: puedo desactivar el pago automático en cualquier momento, de inmediato, en la página “Pago automático” de mi cuenta o con el enlace “Cambiar lo que le enviamos” de cada correo."
    ),
    "How to stop: I can switch autopay off at any time, at once, on the page “Autopay” of my account or by the link “Change what we send you” in every email, or by calling {phone}.": (
        "Cómo terminarlo: puedo desactivar el pago automático en cualquier momento, de inmediato, en la página “Pago automático” de mi cuenta, con el enlace “Cambiar lo que le enviamos” de cada correo, o llamando al {phone}."
    ),
    "I can also tell my bank to stop a debit, up to three business days before it.": (
        "También puedo pedir a mi banco que detenga un débito, hasta tres días hábiles antes."
    ),
    "What was sent to the bank before that cannot be called back.": (
        "Lo que se haya enviado al banco antes de eso no se puede retirar."
    ),
    "It runs until I stop it.": "Sigue vigente hasta que yo lo termine.",
}
ANSWER_PAGE = {
    "Your {name}": "Su contrato",
    "Your {name} runs from month to month.": "Su contrato sigue de mes a mes.",
    "The term of your {name} ends on {day}.": "El plazo de su contrato termina el {day}.",
    "You ended your {name}: {day} is planned as your last day of service.": "Usted terminó su contrato: está previsto que su último día de servicio sea el {day}.",
    "Change your answer": "Cambiar su respuesta",
    "Your {name} renews on {day} month to month, unless you end it.": "Su contrato se renueva el {day}, de mes a mes, si usted no lo termina.",
    "Your {name} renews on {day} for {length}, unless you end it.": "Su contrato se renueva el {day} por {length}, si usted no lo termina.",
    "You may end it on any day.": "Puede terminarlo cualquier día.",
    "It then runs for another 1 day.": "Después sigue 1 día más.",
    "It then runs for another {count} days.": "Después sigue {count} días más.",
    "Our notice left on {day}, after that day.": "Nuestro aviso salió el {day}, después de ese día.",
    "We should have reminded you of it in time, and cannot show that we did.": "Debimos recordárselo a tiempo, y no podemos demostrar que lo hicimos.",
    "So you may end it until {day}, without a fee.": "Por eso puede terminarlo hasta el {day}, sin cargo.",
    "The last day to end it with this term was {day}; that day is over.": "El último día para terminarlo con este plazo fue el {day}; ese día ya pasó.",
    "Ended now, it runs until the next term ends, on {day}.": "Si lo termina ahora, sigue hasta que termine el próximo plazo, el {day}.",
    "You can end it until {day}.": "Puede terminarlo hasta el {day}.",
    "Your last day of service is {day}.": "Su último día de servicio es el {day}.",
    "Somebody from our office will get in touch with you.": "Alguien de nuestro equipo se comunica con usted.",
    "Thank you. Your service goes on. A confirmation is on its way to you.": "Gracias. Su servicio continúa. Le enviamos una confirmación.",
    "Your service goes on.": "Su servicio continúa.",
    "A confirmation is on its way to you.": "Le enviamos una confirmación.",
    "Nothing was changed.": "Nada cambió.",
    "It is noted.": "Quedó anotado.",
    "account {number}": "cuenta {number}",
    "All {count} services and their prices": "Los {count} servicios y sus precios",
    "First, sign it": "Primero, firme",
    "Your name": "Su nombre",
    "It is your signature.": "Es su firma.",
    "Then press one of the buttons below.": "Después presione uno de los botones de abajo.",
    "Please type your name, so that we know who answers.": "Por favor escriba su nombre, para que sepamos quién responde.",
    "Please keep it under 80 characters.": "Por favor use menos de 80 caracteres.",
    "Please keep it under 5,000 characters.": "Por favor use menos de 5,000 caracteres.",
    "Keep it": "Conservarlo",
    "Keep my service": "Conservar mi servicio",
    "Talk to somebody first": "Hablar antes con alguien",
    "A person will get in touch with you.": "Una persona se comunica con usted.",
    "Or call us:": "O llámenos:",
    "Nothing changes until then.": "Nada cambia hasta entonces.",
    "Some things end it earlier, such as moving into care or military orders: tell us.": "Algunas cosas lo terminan antes, como mudarse a un centro de cuidados u órdenes militares: díganos.",
    "Anything you would like to tell us": "Lo que quiera decirnos",
    "(optional)": "(opcional)",
    "Talk to me": "Hablen conmigo",
    "Cancel it": "Cancelarlo",
    "Cancel my service": "Cancelar mi servicio",
    "We will confirm it to you in writing right away.": "Se lo confirmamos por escrito de inmediato.",
    "Your answer": "Su respuesta",
    "What happens now": "Qué pasa ahora",
    "Is that not what you meant?": "¿No era eso lo que quería?",
    "Call us, or answer the message that we sent you.": "Llámenos, o responda al mensaje que le enviamos.",
    "As long as the last day has not come, it is quickly put right.": "Mientras no llegue el último día, se arregla pronto.",
    "Please check this": "Por favor revise esto",
    "{person} answered on {day}: keep the service.": "{person} respondió el {day}: conservar el servicio.",
    "{person} answered on {day}: please talk to me.": "{person} respondió el {day}: por favor hablen conmigo.",
    "We get in touch.": "Nos comunicamos con usted.",
    "{person} answered on {day}: end the service.": "{person} respondió el {day}: terminar el servicio.",
    "{person} answered on {day}: end the service on {last}.": "{person} respondió el {day}: terminar el servicio el {last}.",
    "We will tell the fire authority first, and write to you.": "Antes avisamos a la autoridad de bomberos, y le escribimos a usted.",
    "Choose what you would like: keep it, talk to us, or end it.": "Elija lo que quiera: conservarlo, hablar con nosotros o terminarlo.",
    "What stands here has changed since you looked.": "Lo que dice aquí cambió desde que lo vio.",
    "Please read it again before you answer.": "Por favor léalo de nuevo antes de responder.",
    "This agreement ends already.": "Este contrato ya termina.",
    "If that is not right, tell us below.": "Si no es correcto, díganoslo abajo.",
}
SENTENCES = (
    CONSENTS
    | SAID_ON_THE_PHONE
    | AUTHORIZATION
    | ANSWER_PAGE
    | AROUND
    | CHANGES
    | REMEDIES
    | ANSWERS
    | INVOICE
    | METHODS
    | PAYMENTS
    | AUTOPAY
    | BANKS
    | CONTRACT
)
